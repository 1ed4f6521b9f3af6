import { expect, test } from 'vitest'
import { pixels } from './pixels.ts'
import { colourOf, pieces, themeColour } from './screen.ts'
import { openStage } from './stage.ts'

test('a reader sees their own lines in colour, and nobody else does', async () => {
  const stage = await openStage({ users: { alice: 'viewer', bob: 'viewer' } })
  const alice = await stage.reader('alice')
  const bob = await stage.reader('bob')

  await stage.redis.publish('alice', 'hello')
  await alice.shows('hello')
  // A coloured background fills its cells, whatever the fonts of the machine.
  const block = '\u001b[42m    \u001b[0m \u001b[48;2;255;136;0m    \u001b[0m'
  await stage.publish({ user: 'alice', message: `from logship\u001b[0m ${block}` })
  await alice.shows('from logship')

  const green = await themeColour(alice.page, '--term-green')
  expect(await colourOf(pieces(alice.page, 'from logship'))).toBe(green)
  const seen = await pixels(alice.page.getByTestId('terminal'))
  expect(seen.get(green), 'pixels of the green block').toBeGreaterThan(100)
  expect(seen.get('rgb(255, 136, 0)'), 'pixels of the 24-bit block').toBeGreaterThan(100)

  // Bob's stream works all the while, which makes its silence a proof.
  await stage.redis.publish('bob', 'for bob')
  await bob.shows('for bob')
  expect(await bob.lines()).toHaveLength(1)
  expect(await bob.lineCount()).toBe(1)
  expect(await alice.lineCount()).toBe(2)
})

test('a wrong password is refused with the reason, and the right one goes on to the page asked for', async () => {
  const stage = await openStage()
  const tab = await stage.tab()
  await tab.open('?level=warning')
  await tab.atLogin()
  await tab.signIn('alice', 'wrong')
  const error = tab.page.getByRole('alert')
  await expect.poll(() => error.innerText()).toMatch(/password is wrong/)
  expect(await stage.sessions()).toEqual([])

  await tab.signIn('alice', stage.accounts.password('alice'))
  await tab.reaches('connected')
  expect(tab.page.url()).toBe(`${stage.gateway.url}?level=warning`)
  expect(await stage.sessions()).toHaveLength(1)
  expect(await tab.page.getByTestId('level').innerText()).toBe('only warning and above')
})

test('signing in leads nowhere else', async () => {
  const stage = await openStage()
  const context = await stage.browser()
  const asked = new Set<string>()
  context.on('request', (request) => asked.add(new URL(request.url()).origin))
  const evil = [
    '//evil.example/',
    'https://evil.example/',
    '/\\evil.example/',
    '/%2f%2fevil.example/..//',
    '/\t/evil.example/',
    'javascript:alert(document.domain)',
  ]
  const tab = await stage.tab(context)
  for (const next of evil) {
    await tab.open(`login?next=${encodeURIComponent(next)}`)
    await tab.signIn('alice', stage.accounts.password('alice'))
    await expect.poll(() => tab.page.url()).not.toContain('/login')
    expect(tab.page.url(), next).toBe(stage.gateway.url)
  }
  expect([...asked]).toEqual([new URL(stage.gateway.url).origin])
})
