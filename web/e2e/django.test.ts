import { expect, onTestFinished, test } from 'vitest'
import { Django } from './django.ts'
import { Gateway } from './gateway.ts'
import type { LogPage } from './page.ts'
import { freePort } from './port.ts'
import { Readers } from './readers.ts'
import { Redis } from './redis.ts'

/** Signs in at Django's own page, where the gateway has led. */
async function signInAtDjango(tab: LogPage, name: string): Promise<void> {
  await tab.page.getByLabel('Username').fill(name)
  await tab.page.getByLabel('Password').fill('correct horse')
  await tab.page.getByRole('button', { name: 'Log in' }).click()
}

test('alice signs in at Django and sees the lines of her requests, each once after a restart', async () => {
  const redis = await Redis.start()
  onTestFinished(() => redis.remove())
  const port = await freePort()
  const app = `http://127.0.0.1:${port}/`
  const gateway = await Gateway.start([
    ...['--redis-url', redis.url, '--auth-url', `${app}whoami/`, '--login-url', `${app}accounts/login/`],
  ])
  onTestFinished(() => gateway.end('SIGKILL'))
  const django = await Django.start(port, redis.url, gateway.url)
  const readers = new Readers(gateway.url, () => ({ gateway: gateway.output, django: django.output }))

  const alice = await readers.tab()
  const bob = await readers.tab()
  for (const [name, tab] of Object.entries({ alice, bob })) {
    await tab.open()
    await signInAtDjango(tab, name)
    await tab.reaches('connected')
    expect(await tab.page.getByTestId('user').innerText()).toBe(name)
  }
  const orders = async (first: number, last: number): Promise<void> => {
    for (let n = first; n <= last; n++) await alice.page.request.get(`${django.url}order/${n}/`)
  }
  await orders(1, 10)
  await alice.hasLines(10)
  await gateway.end('SIGTERM')
  await alice.reaches('reconnecting')
  await orders(11, 20)
  await gateway.start()
  await orders(21, 30)
  await alice.hasLines(30)
  await alice.reaches('connected')

  const messages = (await alice.saved()).map(({ record }) => record?.message).filter((text) => text !== undefined)
  expect(messages).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i + 1}`))
  expect(await bob.lineCount()).toBe(0)
})
