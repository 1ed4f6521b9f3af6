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
