import { expect, onTestFinished, test } from 'vitest'
import { Gateway } from './gateway.ts'
import type { LogPage } from './page.ts'
import { freePort } from './port.ts'
import { Provider } from './provider.ts'
import { Readers } from './readers.ts'
import { Redis } from './redis.ts'

const signOutLimit = 1_000

/** Signs in at the provider's own page, where the gateway has led by itself. */
async function signInAtProvider(tab: LogPage, name: string): Promise<void> {
  await tab.page.getByLabel('Username').fill(name)
  await tab.page.getByLabel('Password').fill('verysecure')
  await tab.page.getByRole('button', { name: 'Login' }).click()
}

test('the provider signs in, its groups give roles, and signing out ends streams there and here', async () => {
  const redis = await Redis.start()
  onTestFinished(() => redis.remove())
  const issuer = await freePort()
  const gateway = await Gateway.start([
    ...['--redis-url', redis.url, '--oidc-issuer', `http://127.0.0.1:${issuer}`, '--oidc-client-id', 'loglane'],
    ...['--oidc-client-secret', 'secret', '--oidc-name-claim', 'preferred_username'],
    ...['--role-map', 'sre=operator', '--oidc-title', 'Example Corp'],
  ])
  onTestFinished(() => gateway.end('SIGKILL'))
  const provider = await Provider.start(issuer, gateway.url, 'alice=sre,bob=staff')
  const readers = new Readers(gateway.url, () => ({ gateway: gateway.output, provider: provider.output }))
  await expect.poll(() => gateway.output, { timeout: 10_000 }).toContain('provider is there')

  const alice = await readers.tab()
  await alice.open('?channel=global')
  await signInAtProvider(alice, 'alice')
  await alice.reaches('connected')
  expect(new URL(alice.page.url()).search).toBe('?channel=global')
  expect(await alice.page.getByTestId('user').innerText()).toBe('alice')
  const other = await readers.tab(alice.page.context())
  await other.open()
  await other.reaches('connected')

  const pressed = Date.now()
  await alice.signOut()
  const end = () => other.states.find(({ state }) => state === 'signed-out')?.at
  await expect.poll(end).toBeDefined()
  expect((end() ?? Infinity) - pressed).toBeLessThan(signOutLimit)

  // Back from the provider, the login page does not lead there again by itself.
  const link = alice.page.getByRole('link', { name: 'Sign in with Example Corp' })
  await link.waitFor()
  expect(provider.output).toContain('signed out id-alice: the gateway answers 200')
  expect(await alice.page.getByLabel('Password').isVisible()).toBe(false)
  await other.page.getByRole('link', { name: 'Sign in with Example Corp' }).waitFor()

  await link.click()
  await signInAtProvider(alice, 'bob')
  await alice.reaches('connected')
  expect(await alice.page.getByTestId('user').innerText()).toBe('bob')
  await alice.open('?channel=global')
  await alice.reaches('forbidden')
})
