import { expect, test } from 'vitest'
import type { LogPage } from './page.ts'
import { openStage } from './stage.ts'

const logoutLimit = 1_000

/** How long after a moment a tab's stream ended, in ms. */
async function endedAfter(tab: LogPage, moment: number): Promise<number> {
  const end = () => tab.states.find(({ state }) => state === 'signed-out')?.at
  await expect.poll(end).toBeDefined()
  return (end() ?? Infinity) - moment
}

/** Counts the streams that a tab asks for from now on. */
function streamsAskedFor(tab: LogPage): () => number {
  let count = 0
  tab.page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('/api/v1/stream')) count++
  })
  return () => count
}

/** Waits until the login page says, also to a screen reader, why one has to sign in again. */
async function saysWhy(tab: LogPage): Promise<void> {
  const why = tab.page.getByRole('status')
  await expect.poll(() => why.innerText()).toMatch(/Your access was revoked/)
  const told = tab.states.find(({ state }) => state === 'signed-out')
  expect(told?.words).not.toBe('')
}

/** A page that tried again would have done so by now: its first wait is at most half a second. */
const loops = 3_000

/** Fails where a tab at the login page asks for more streams, or leaves it. */
async function staysAt(tab: LogPage, asked: () => number, most: number): Promise<void> {
  expect(asked()).toBeLessThanOrEqual(most)
  const before = asked()
  await tab.page.waitForTimeout(loops)
  expect(asked()).toBe(before)
  await tab.atLogin()
}

test('signing out ends the streams of the session at once, and no others', async () => {
  const stage = await openStage()
  const here = await stage.reader('alice')
  const sameSession = await stage.tab(here.page.context())
  await sameSession.open()
  await sameSession.reaches('connected')
  const elsewhere = await stage.reader('alice')

  const pressed = Date.now()
  await here.signOut()
  expect(await endedAfter(sameSession, pressed)).toBeLessThan(logoutLimit)
  await here.atLogin()
  await sameSession.atLogin()
  expect(await sameSession.page.getByText('You signed out.').isVisible()).toBe(true)

  await stage.redis.publish('alice', 'still here')
  await elsewhere.shows('still here')
  expect(elsewhere.states.map(({ state }) => state)).not.toContain('signed-out')
})

test('a changed password ends all streams of the user, and of nobody else', async () => {
  const stage = await openStage({ users: { alice: 'viewer', bob: 'viewer' } })
  const one = await stage.reader('alice')
  const other = await stage.reader('alice')
  const bob = await stage.reader('bob')
  const old = stage.accounts.password('alice')

  await stage.accounts.changePassword('alice')
  await one.atLogin()
  await other.atLogin()
  await one.signIn('alice', old)
  await expect.poll(() => one.page.getByRole('alert').innerText()).toMatch(/password is wrong/)
  await one.signIn('alice', stage.accounts.password('alice'))
  await one.reaches('connected')

  await stage.redis.publish('bob', 'still here')
  await bob.shows('still here')
  expect(bob.states.map(({ state }) => state)).not.toContain('signed-out')
})

test('a changed role ends the stream, the reader is told why, and the page asks nothing more', async () => {
  const stage = await openStage({ users: { alice: 'viewer', bob: 'viewer' } })
  const alice = await stage.reader('alice')
  const bob = await stage.reader('bob')
  const asked = streamsAskedFor(alice)

  await stage.accounts.changeRole('alice', 'operator')
  const changed = Date.now()
  expect(await endedAfter(alice, changed)).toBeLessThan(logoutLimit)
  await alice.atLogin()
  await saysWhy(alice)
  // The stream that ended is followed by the one try that was answered 401.
  await staysAt(alice, asked, 1)

  await alice.signIn('alice', stage.accounts.password('alice'))
  await alice.reaches('connected')
  await alice.page.getByRole('link', { name: 'Global' }).waitFor()
  await stage.redis.publish('bob', 'still here')
  await bob.shows('still here')
  expect(bob.states.map(({ state }) => state)).not.toContain('signed-out')
})

test('a removed user is signed out in every tab, and cannot come back', async () => {
  const stage = await openStage({ users: { alice: 'viewer', bob: 'viewer' } })
  const one = await stage.reader('alice')
  const other = await stage.tab(one.page.context())
  await other.open()
  await other.reaches('connected')
  const tabs = [one, other].map((tab) => ({ tab, asked: streamsAskedFor(tab) }))

  await stage.accounts.remove('alice')
  const removed = Date.now()
  for (const { tab } of tabs) {
    expect(await endedAfter(tab, removed)).toBeLessThan(logoutLimit)
    await tab.atLogin()
    await saysWhy(tab)
  }
  for (const { tab, asked } of tabs) await staysAt(tab, asked, 1)
  await one.signIn('alice', stage.accounts.password('alice'))
  await expect.poll(() => one.page.getByRole('alert').innerText()).toMatch(/password is wrong/)
})

test('signing out holds while Redis is away', async () => {
  const stage = await openStage()
  const here = await stage.reader('alice')
  const sameSession = await stage.tab(here.page.context())
  await sameSession.open()
  await sameSession.reaches('connected')
  const cookies = await here.page.context().cookies()

  await stage.redis.kill()
  await sameSession.reaches('upstream-down')
  const pressed = Date.now()
  await here.signOut()
  expect(await endedAfter(sameSession, pressed)).toBeLessThan(logoutLimit)
  await here.page.getByRole('heading', { name: 'Signing out' }).waitFor()

  await stage.redis.start()
  await expect.poll(() => stage.sessions()).toEqual([])
  await here.page.context().addCookies(cookies)
  await here.open()
  await here.atLogin()
})

test('a tab turns to the user who signs in anew in its browser', async () => {
  const stage = await openStage({ users: { alice: 'viewer', bob: 'viewer' } })
  const left = await stage.reader('alice')
  await stage.redis.publish('alice', 'of alice')
  await left.shows('of alice')

  const tab = await stage.tab(left.page.context())
  await tab.open('login')
  await tab.signIn('bob', stage.accounts.password('bob'))
  await tab.reaches('connected')
  await expect.poll(() => left.page.getByTestId('user').innerText()).toBe('bob')
  await left.reaches('connected')
  await stage.redis.publish('bob', 'of bob')
  await left.shows('of bob')
  expect(await left.lines()).toHaveLength(1)
})
