import { expect, test } from 'vitest'
import type { LogPage } from './page.ts'
import { rowsInView } from './screen.ts'
import { openStage } from './stage.ts'

test('a view that is scrolled up stands still, counts what comes, and resumes', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  await stage.publish({ user: 'alice', count: 300 })
  await tab.hasLines(300)
  await tab.draws(/line 300\b/)
  expect(await tab.resumeButton.count()).toBe(0)

  await tab.page.getByTestId('terminal').hover()
  await tab.page.mouse.wheel(0, -1_000)
  await tab.follows(false)
  await expect.poll(async () => (await rowsInView(tab.page)).join('\n')).not.toMatch(/line 300\b/)
  const held = await rowsInView(tab.page)

  await stage.publish({ user: 'alice', first: 301, count: 25 })
  await expect.poll(() => tab.resumeButton.innerText()).toContain('25 new lines')
  expect(await rowsInView(tab.page)).toEqual(held)
  await expect.poll(() => tab.page.title()).toBe('(25) User.alice · Loglane')

  await tab.resumeButton.click()
  await tab.draws(/line 325\b/)
  await tab.follows(true)
  await expect.poll(() => tab.resumeButton.count()).toBe(0)
  await stage.publish({ user: 'alice', first: 326 })
  await tab.draws(/line 326\b/)
})

/** Waits until the words stand in view as a whole, in full rows of at least so many columns. */
async function expectWhole(words: string, tab: LogPage, columns: number): Promise<void> {
  await expect
    .poll(async () => {
      const rows = await rowsInView(tab.page)
      const width = Math.max(...rows.map((row) => row.trimEnd().length))
      const whole = rows.map((row) => row.trimEnd()).join('')
      return { whole: whole.includes(words), wide: width >= columns, narrow: width < 2 * columns }
    })
    .toEqual({ whole: true, wide: true, narrow: true })
}

test('a long line is wrapped, on a wide and on a narrow screen', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const words = Array.from({ length: 150 }, (_, i) => `word-${i}`).join('_')
  await stage.redis.publish('alice', words)
  await expectWhole(words, tab, 100)

  await tab.page.setViewportSize({ width: 390, height: 844 })
  await expectWhole(words, tab, 30)
  const width = await tab.page.evaluate(() => document.documentElement.scrollWidth)
  expect(width, 'the page itself must not scroll sideways').toBe(390)
})
