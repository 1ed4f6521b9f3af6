import { createServer } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { LogPage } from './page.ts'
import { freePort } from './port.ts'
import { openStage, type Stage } from './stage.ts'
import { Witness } from './witness.ts'

/** A site with empty pages and no content policy of its own; returns its port. */
async function otherSite(): Promise<number> {
  const port = await freePort()
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><title>Other site</title><body></body>')
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return port
}

interface Visitor {
  context: BrowserContext
  page: Page
  /** What the gateway answered, as "GET /api/v1/logs 403". */
  answers: string[]
}

/** alice, signed in at the gateway, on a page of another origin in the same browser. */
async function visit(stage: Stage, origin: string): Promise<Visitor> {
  const context = await (await openBrowser()).newContext()
  onTestFinished(() => context.close())
  const witness = await Witness.of(context)
  const tab = new LogPage(await context.newPage(), stage.url, witness)
  await tab.open()
  await tab.signIn('alice', stage.accounts.password('alice'))
  await tab.reaches('connected')
  await tab.page.close()
  const answers: string[] = []
  context.on('response', (response) => {
    const url = new URL(response.url())
    if (!response.url().startsWith(stage.url)) return
    answers.push(`${response.request().method()} ${url.pathname} ${response.status()}`)
  })
  const page = await context.newPage()
  await page.goto(origin)
  return { context, page, answers }
}

/** Whom the gateway takes the browser for. */
async function signedIn(context: BrowserContext, stage: Stage): Promise<string> {
  const page = await context.newPage()
  await page.goto(`${stage.url}api/v1/me`)
  const said = JSON.parse(await page.innerText('body')) as { name?: string }
  await page.close()
  return said.name ?? ''
}

/** What a page's script gets of a request: a status, or why it gets nothing. */
function fetched(page: Page, url: string, init: RequestInit): Promise<string> {
  return page.evaluate(
    async ([address, options]) => {
      try {
        const answer = await fetch(address, { ...options, signal: AbortSignal.timeout(10_000) })
        return `${answer.type} ${answer.status}`
      } catch (error) {
        return (error as Error).name
      }
    },
    [url, init] as const,
  )
}

/** Lets a page load a URL as an element of it: "load" or "error". */
function embedded(page: Page, tag: 'script' | 'img', url: string): Promise<string> {
  return page.evaluate(
    ([name, address]) =>
      new Promise<string>((resolve) => {
        const element = document.createElement(name)
        element.onload = () => {
          resolve('load')
        }
        element.onerror = () => {
          resolve('error')
        }
        element.src = address
        document.body.append(element)
      }),
    [tag, url] as const,
  )
}

/** Opens an EventSource with the browser's cookies: "open" or "error". */
function streamed(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (address) =>
      new Promise<string>((resolve) => {
        const source = new EventSource(address, { withCredentials: true })
        source.onopen = () => {
          source.close()
          resolve('open')
        }
        source.onerror = () => {
          source.close()
          resolve('error')
        }
      }),
    url,
  )
}

/** Sends a form as a click on a page does, and waits for what comes. */
async function posted(visitor: Visitor, action: string, fields: Record<string, string>): Promise<void> {
  const { page } = visitor
  const back = page.url()
  await Promise.all([
    page.waitForURL(action),
    page.evaluate(
      ([target, values]) => {
        const form = document.createElement('form')
        form.method = 'post'
        form.action = target
        for (const [name, value] of Object.entries(values)) {
          const field = document.createElement('input')
          field.name = name
          field.value = value
          form.append(field)
        }
        document.body.append(form)
        form.submit()
      },
      [action, fields] as const,
    ),
  ])
  await page.goto(back)
}

// The host of the gateway on another port is the same site, and gets its cookies with every
// request; localhost is another one.
test.each(['127.0.0.1', 'localhost'])('a page of another origin at %s reads and changes nothing', async (host) => {
  const port = await otherSite()
  const stage = await openStage({ users: { alice: 'admin', mallory: 'viewer' } })
  await stage.publish({ user: 'alice', count: 3 })
  const visitor = await visit(stage, `http://${host}:${port}/`)
  const { context, page, answers } = visitor
  const api = `${stage.url}api/v1/`

  for (const path of ['logs', 'stream', 'me', 'channels', 'logs?user=alice&format=text']) {
    expect(await fetched(page, `${api}${path}`, { credentials: 'include' }), path).toBe('TypeError')
    expect(await fetched(page, `${api}${path}`, { credentials: 'include', mode: 'no-cors' }), path).toMatch(/TypeError|opaque 0/)
  }
  expect(await streamed(page, `${api}stream`)).toBe('error')
  for (const path of ['logs?format=text', 'stream?follow=0', 'me', 'logs?format=csv']) {
    expect(await embedded(page, 'script', `${api}${path}`), path).toBe('error')
    expect(await embedded(page, 'img', `${api}${path}`), path).toBe('error')
  }
  const served = answers.filter((answer) => !answer.startsWith('GET /api/v1/me ') && !/ (401|403)$/.test(answer))
  expect(served, 'log lines that left the gateway for another origin').toEqual([])

  for (const method of ['DELETE', 'POST']) {
    expect(await fetched(page, `${api}logs?user=alice`, { method, credentials: 'include' }), method).toBe('TypeError')
  }
  const plain = { method: 'POST', mode: 'no-cors', credentials: 'include', body: 'forged' } as const
  for (const path of ['api/v1/logs?user=alice', 'logout', 'login']) {
    await fetched(page, `${stage.url}${path}`, plain)
  }
  expect(answers.filter((answer) => answer.startsWith('POST') && !answer.endsWith(' 403'))).toEqual([])

  // Neither signed in as somebody else nor signed out.
  await posted(visitor, `${stage.url}login`, { username: 'mallory', password: stage.accounts.password('mallory') })
  await posted(visitor, `${stage.url}logout`, {})
  expect(answers.filter((answer) => answer.startsWith('POST /log'))).toEqual(expect.arrayContaining(['POST /login 403', 'POST /logout 403']))
  expect(answers.filter((answer) => answer.startsWith('POST') && !answer.endsWith(' 403'))).toEqual([])
  expect(await signedIn(context, stage)).toBe('alice')

  // No frame shows the page, and a window that was opened tells nothing of it.
  await page.evaluate((address) => {
    for (const path of ['', 'login', 'api/v1/stream']) {
      const frame = document.createElement('iframe')
      frame.src = `${address}${path}`
      document.body.append(frame)
    }
  }, stage.url)
  await expect.poll(() => page.frames().slice(1).map((frame) => frame.url())).toEqual(Array.from({ length: 3 }, () => 'chrome-error://chromewebdata/'))
  const [opened] = await Promise.all([
    context.waitForEvent('page'),
    page.evaluate((address) => {
      Object.assign(globalThis, { opened: window.open(address) })
    }, stage.url),
  ])
  await opened.getByTestId('status').waitFor()
  expect(await page.evaluate(() => (globalThis as unknown as { opened: Window }).opened.closed), 'the opener has no hold of it').toBe(true)
})

test('the page of an allowed origin reads what its user may, and no other does', async () => {
  const port = await otherSite()
  const friend = `http://127.0.0.1:${port}`
  const stage = await openStage({ users: { alice: 'admin' }, gateway: ['--allowed-origins', friend] })
  await stage.publish({ user: 'alice', count: 3 })
  const api = `${stage.url}api/v1/`
  const visitor = await visit(stage, `${friend}/`)
  const { page, answers } = visitor
  for (const path of ['logs', 'me']) {
    expect(await fetched(page, `${api}${path}`, { credentials: 'include' }), path).toBe('cors 200')
  }
  const resumed = { credentials: 'include', headers: { 'Last-Event-ID': '0' } } as const
  expect(await fetched(page, `${api}stream?follow=0`, resumed), 'with a preflight').toBe('cors 200')
  expect(await streamed(page, `${api}stream`)).toBe('open')

  expect(await fetched(page, `${api}channels`, { credentials: 'include' })).toBe('TypeError')
  expect(await fetched(page, `${api}logs?user=alice`, { credentials: 'include', method: 'DELETE' })).toBe('TypeError')
  expect(await fetched(page, `${api}logs`, { credentials: 'include', headers: { 'X-Other': '1' } })).toBe('TypeError')
  await fetched(page, `${stage.url}logout`, { method: 'POST', mode: 'no-cors', credentials: 'include' })
  expect(await embedded(page, 'script', `${api}logs`)).toBe('error')
  expect(answers.filter((answer) => answer.startsWith('POST') && !answer.endsWith(' 403'))).toEqual([])

  await page.goto(`http://localhost:${port}/`)
  for (const path of ['logs', 'me', 'stream']) {
    expect(await fetched(page, `${api}${path}`, { credentials: 'include' }), `${path} from elsewhere`).toBe('TypeError')
  }
  expect(await streamed(page, `${api}stream`)).toBe('error')
  expect(await signedIn(visitor.context, stage)).toBe('alice')
})
