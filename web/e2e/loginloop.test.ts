import { createServer, type RequestListener } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { Gateway } from './gateway.ts'
import { freePort } from './port.ts'
import { Provider } from './provider.ts'
import { Proxy } from './proxy.ts'
import { Readers } from './readers.ts'
import { Redis } from './redis.ts'

async function serving(listener: RequestListener): Promise<string> {
  const port = await freePort()
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${port}/`
}

test('an application that leads back with nobody signed in ends in a page of words, and a mended one goes on', async () => {
  let known = false
  let trips = 0
  const app = await serving((asked, answer) => {
    const url = new URL(asked.url ?? '/', 'http://app')
    if (url.pathname === '/whoami') {
      answer.writeHead(known ? 200 : 401, { 'Content-Type': 'application/json' }).end('{"name":"alice"}')
      return
    }
    trips++ // whoever is signed in there is sent back at once
    answer.writeHead(302, { Location: url.searchParams.get('next') ?? '/', 'Set-Cookie': `sessionid=${known ? 'known' : 'lost'}; Path=/` }).end()
  })
  const gateway = await Gateway.start(['--auth-url', `${app}whoami`, '--login-url', `${app}login`])
  onTestFinished(() => gateway.end('SIGKILL'))
  const readers = new Readers(gateway.url, () => ({ gateway: gateway.output }))
  const tab = await readers.tab()
  await tab.open()
  await tab.page.getByRole('heading', { name: 'The login does not arrive here' }).waitFor()
  expect(trips).toBe(3)
  const words = await tab.page.innerText('body')
  for (const part of ['came back as nobody', "they are nobody's", `${app}login`, '--auth-url must answer 200']) {
    expect(words).toContain(part)
  }

  known = true
  await tab.page.goto(gateway.url)
  await tab.reaches('connected')
})

test('a browser that keeps no cookie is told so after the provider, and is not sent round', async () => {
  const redis = await Redis.start()
  onTestFinished(() => redis.remove())
  const issuer = await freePort()
  const place: { gateway?: Gateway } = {}
  const proxy = await Proxy.start(() => place.gateway?.url ?? '')
  proxy.cookies = false
  const gateway = await Gateway.start([
    ...['--redis-url', redis.url, '--public-url', proxy.url, '--oidc-issuer', `http://127.0.0.1:${issuer}`],
    ...['--oidc-client-id', 'loglane', '--oidc-client-secret', 'secret', '--oidc-name-claim', 'preferred_username'],
  ])
  place.gateway = gateway
  onTestFinished(() => gateway.end('SIGKILL'))
  const provider = await Provider.start(issuer, proxy.url, 'alice=sre')
  const readers = new Readers(proxy.url, () => ({ gateway: gateway.output, provider: provider.output }))
  await expect.poll(() => gateway.output, { timeout: 10_000 }).toContain('provider is there')
  const tab = await readers.tab()
  await tab.open()
  await tab.page.getByLabel('Username').fill('alice')
  await tab.page.getByLabel('Password').fill('verysecure')
  await tab.page.getByRole('button', { name: 'Login' }).click()
  await expect.poll(() => tab.page.getByRole('alert').innerText()).toContain('was not begun in this browser')
  expect(new URL(tab.page.url()).pathname).toBe('/login/oidc/callback')

  proxy.cookies = true
  await tab.page.getByRole('link', { name: /^Sign in with/ }).click()
  await tab.page.getByLabel('Username').fill('alice')
  await tab.page.getByLabel('Password').fill('verysecure')
  await tab.page.getByRole('button', { name: 'Login' }).click()
  await tab.reaches('connected')
})
