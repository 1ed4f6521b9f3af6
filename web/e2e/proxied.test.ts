import { expect, onTestFinished, test } from 'vitest'
import { Gateway } from './gateway.ts'
import { Proxy } from './proxy.ts'
import { Publisher } from './publisher.ts'
import { Readers } from './readers.ts'
import { Redis } from './redis.ts'
import { numbers, run } from './saved.ts'

// The least that the gateway takes.
const maxAge = 60_000
const lines = { user: 'alice', count: 100_000, rate: 20 }

test('a stream that a proxy signed in for is renewed with no line lost, and without the proxy there are words', { timeout: 150_000 }, async () => {
  const redis = await Redis.start()
  onTestFinished(() => redis.remove())
  const gateway = await Gateway.start([
    ...['--redis-url', redis.url, '--trusted-header', 'Remote-User', '--trusted-header-proxies', '127.0.0.1'],
    ...['--trusted-header-max-age', `${maxAge / 1000}s`],
  ])
  onTestFinished(() => gateway.end('SIGKILL'))
  const proxy = await Proxy.start(() => gateway.url)
  proxy.user = 'alice'
  const readers = new Readers(proxy.url, () => ({ gateway: gateway.output }))
  const tab = await readers.tab()
  const places: string[] = []
  tab.page.on('framenavigated', (frame) => places.push(frame.url()))
  await tab.open('?level=debug')
  await tab.reaches('connected')
  const publisher = new Publisher(redis.url, lines)
  onTestFinished(() => publisher.kill())

  const renewed = () => tab.states.findIndex(({ state }) => state === 'signed-out')
  await expect.poll(renewed, { timeout: maxAge + 15_000 }).toBeGreaterThan(0)
  await tab.reaches('connected')
  await tab.hasLines((await tab.lineCount()) + 40)
  const last = await publisher.stop()
  await tab.hasLines(last)
  expect(numbers(await tab.saved())).toEqual(run(1, last))
  expect(places, 'the page stays where it is').toEqual([`${proxy.url}?level=debug`])
  const [ended, ...after] = tab.states.slice(renewed())
  // Lines that keep coming keep it at catching up for a while.
  const back = after.find(({ state }) => state === 'catching-up' || state === 'connected')
  expect(ended?.words).toContain('Your session has expired.')
  expect((back?.at ?? Infinity) - (ended?.at ?? 0), 'it is back soon').toBeLessThan(5_000)

  // The proxy knows nobody any more.
  proxy.user = undefined
  proxy.cut()
  await tab.page.getByRole('heading', { name: 'Not signed in' }).waitFor()
  expect(await tab.page.innerText('body')).toMatch(/did not say who you are.*Remote-User \(--trusted-header\)/s)
  expect(new URL(tab.page.url()).pathname).toBe('/login')

  proxy.user = 'alice'
  await tab.page.getByRole('link', { name: 'Try again' }).click()
  await tab.reaches('connected')
  expect(tab.page.url()).toBe(`${proxy.url}?level=debug`)
})

test('a proxy that names its user on the way to the page only does not send them round', async () => {
  const gateway = await Gateway.start(['--trusted-header', 'Remote-User', '--trusted-header-proxies', '127.0.0.1'])
  onTestFinished(() => gateway.end('SIGKILL'))
  const proxy = await Proxy.start(() => gateway.url)
  proxy.user = 'alice'
  const readers = new Readers(proxy.url, () => ({ gateway: gateway.output }))
  const tab = await readers.tab()
  // As with a location of its own for the API, which has been forgotten.
  await tab.page.route('**/api/v1/**', (route) => route.fulfill({ status: 401, contentType: 'application/json', body: '{"error":"not signed in"}' }))
  await tab.page.goto(proxy.url).catch(() => undefined) // it leaves at once
  await tab.page.getByRole('heading', { name: 'Not signed in' }).waitFor()
  expect(await tab.page.innerText('body')).toContain('requests to all paths below /')
})
