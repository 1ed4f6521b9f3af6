import { expect, test } from 'vitest'
import type { LogPage } from './page.ts'
import { numbers, run } from './saved.ts'
import { openStage } from './stage.ts'

// Far more than are waited for: the publisher ends when it is told to.
const lines = { user: 'alice', count: 100_000, rate: 60 }
const some = 40

/** The states that a tab has had since it was connected first, without the short ones. */
function lasting(tab: LogPage): string[] {
  const states = tab.states.map(({ state }) => state)
  const passing = ['connecting', 'catching-up']
  return states
    .slice(states.indexOf('connected'))
    .filter((state) => !passing.includes(state))
    .filter((state, i, all) => state !== all[i - 1])
}

test.each([
  { how: 'drains', signal: 'SIGTERM', words: 'the gateway restarts' },
  { how: 'is killed', signal: 'SIGKILL', words: 'the connection was lost' },
] as const)('each line stands there once after the gateway $how', async ({ signal, words }) => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const publisher = stage.publishing(lines)
  await tab.hasLines(some)

  await stage.gateway.end(signal)
  await tab.reaches('reconnecting')
  await stage.gateway.start()
  await tab.hasLines((await tab.lineCount()) + some)

  const last = await publisher.stop()
  await tab.hasLines(last)
  await tab.reaches('connected')
  expect(numbers(await tab.saved())).toEqual(run(1, last))
  expect(lasting(tab)).toEqual(['connected', 'reconnecting', 'connected'])
  expect(tab.states.find(({ state }) => state === 'reconnecting')?.words).toContain(words)
})

test('each line stands there once after Redis is killed, and the session with them', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const publisher = stage.publishing(lines)
  await tab.hasLines(some)

  await stage.redis.kill()
  await tab.reaches('upstream-down')
  await stage.redis.start()
  await tab.hasLines((await tab.lineCount()) + some)

  const last = await publisher.stop()
  await tab.hasLines(last)
  await tab.reaches('connected')
  expect(numbers(await tab.saved())).toEqual(run(1, last))
  expect(lasting(tab)).toEqual(['connected', 'upstream-down', 'connected'])

  await tab.page.reload()
  await tab.hasLines(last)
  await tab.reaches('connected')
  expect(await tab.page.getByTestId('user').innerText()).toBe('alice')
  expect(numbers(await tab.saved())).toEqual(run(1, last))
})
