import { expect, test } from 'vitest'
import { contrast, readable, visibleTexts } from './contrast.ts'
import type { LogPage } from './page.ts'
import { themeColour } from './screen.ts'
import { openStage, type Stage } from './stage.ts'

/** Lines of all levels and colours. */
async function publishAll(stage: Stage): Promise<void> {
  const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'odd']
  for (const level of levels) {
    await stage.redis.publish('alice', JSON.stringify({ level, message: `a line of ${level}`, who: 'me' }))
  }
  const codes = [30, 31, 32, 33, 34, 35, 36, 37, 90, 91, 92, 93, 94, 95, 96, 97, '38;5;232', '38;2;250;250;250']
  const coloured = codes.map((code) => `\u001b[${code}mcolour ${code}\u001b[0m`).join(' ')
  await stage.redis.publish('alice', coloured)
}

/** Waits until no text is faint: the terminal takes a moment to draw in other colours. */
async function expectReadable(tab: LogPage, where: string): Promise<void> {
  const faint = async () => {
    const texts = await visibleTexts(tab.page)
    expect(texts.length).toBeGreaterThanOrEqual(5)
    return texts.filter(({ colour, background }) => contrast(colour, background) < readable)
  }
  await expect.poll(faint, { message: where }).toEqual([])
}

test('light and dark are both readable, by the system and by choice', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice', { colorScheme: 'light' })
  const background = () => themeColour(tab.page, '--term-bg')
  await publishAll(stage)
  await tab.draws(/colour 97\b/)
  const light = await background()
  await expectReadable(tab, 'light by the system')

  await tab.page.emulateMedia({ colorScheme: 'dark' })
  const dark = await background()
  expect(contrast(light, dark)).toBeGreaterThan(10)
  await expectReadable(tab, 'dark by the system')

  const theme = tab.page.getByTestId('theme')
  const choices = { light, dark }
  for (const [choice, colour] of Object.entries(choices)) {
    await theme.click()
    expect(await theme.innerText()).toBe(`Theme: ${choice}`)
    expect(await background()).toBe(colour)
    await expectReadable(tab, `${choice} by choice`)
  }
  await tab.page.emulateMedia({ colorScheme: 'light' })
  await tab.page.reload()
  expect(await background(), 'the choice is kept').toBe(dark)
  await tab.signOut()
  await tab.atLogin()
  expect(await background(), 'the choice is kept on the login page').toBe(dark)
})

test.each(['light', 'dark'] as const)('the login page is readable in %s', async (colorScheme) => {
  const stage = await openStage()
  const tab = await stage.tab(await stage.browser({ colorScheme }))
  await tab.open('login')
  await tab.signIn('alice', 'wrong')
  await tab.page.getByRole('alert').waitFor()
  await expectReadable(tab, colorScheme)
})
