import { expect, test } from 'vitest'
import type { LogPage } from './page.ts'
import { numbers, run } from './saved.ts'
import { rowsInView } from './screen.ts'
import { openStage } from './stage.ts'

const historyLines = 100

test('lines that the history lost meanwhile are counted where they are missing', async () => {
  const stage = await openStage({ gateway: ['--history-lines', String(historyLines)] })
  const tab = await stage.reader('alice')
  const user = 'alice'
  await stage.publish({ user, historyLines, count: 50 })
  await tab.hasLines(50)

  await stage.gateway.end('SIGTERM')
  await tab.reaches('reconnecting')
  await stage.publish({ user, historyLines, first: 51, count: 600 })
  await stage.gateway.start()
  await tab.reaches('connected')
  await tab.shows('line 650')

  const saved = await tab.saved()
  const at = saved.findIndex(({ event }) => event === 'gap')
  const gap = saved[at]
  const earlier = numbers(saved.slice(0, at))
  const later = numbers(saved.slice(at + 1))
  const first = later[0] ?? 0
  expect(earlier).toEqual(run(1, 50))
  expect(later).toEqual(run(first, 650))
  const missed = first - 51
  expect(missed).toBeGreaterThan(300)
  expect(gap?.data).toEqual({ reason: 'trimmed', missed })
  expect(saved.filter(({ event }) => event !== undefined)).toHaveLength(1)

  const words = `${missed} lines missing: trimmed from history`
  const terminal = tab.page.getByTestId('terminal')
  await expect
    .poll(async () => {
      await terminal.press('PageUp')
      return (await rowsInView(tab.page)).find((row) => row.includes(words))
    })
    .toMatch(/^── .* ─+\s*$/)
})

test('a page that was offline comes back at once and misses nothing', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const user = 'alice'
  await stage.publish({ user, count: 50 })
  await tab.hasLines(50)

  // The browser only pretends for new connections, so the open one has to be cut.
  await tab.page.context().setOffline(true)
  await stage.gateway.end('SIGKILL')
  await stage.gateway.start()
  await stage.publish({ user, first: 51, count: 500 })
  await triedInVain(tab)
  const online = Date.now()
  await tab.page.context().setOffline(false)
  await tab.hasLines(550)
  const back = tab.states.find(({ state, at }) => state === 'catching-up' && at >= online)
  expect((back?.at ?? Infinity) - online, 'it was to try as soon as it could').toBeLessThan(1_000)
  const saved = await tab.saved()
  expect(numbers(saved)).toEqual(run(1, 550))
  expect(saved).toHaveLength(550)
})

// The second wait is mostly long enough to tell a wake-up from its end.
async function triedInVain(tab: LogPage): Promise<void> {
  const waits = () => tab.states.filter(({ state }) => state === 'reconnecting').length
  await expect.poll(waits).toBeGreaterThanOrEqual(2)
}
