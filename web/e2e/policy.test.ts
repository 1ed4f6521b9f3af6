import { expect, onTestFinished, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { contrast, readable } from './contrast.ts'
import { pixels } from './pixels.ts'
import { themeColour } from './screen.ts'
import { openStage } from './stage.ts'
import { Witness } from './witness.ts'

/** A content policy's sources by directive, without the nonce's value. */
function parsePolicy(header: string): Record<string, string[]> {
  const directives = header.split(';').map((directive) => directive.trim().split(/\s+/))
  return Object.fromEntries(
    directives.map(([name = '', ...sources]) => [
      name,
      sources.map((source) => source.replace(/^'nonce-[\w-]{20,}'$/, 'nonce')),
    ]),
  )
}

test('the pages have a strict content policy, new for each answer', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const headers: string[] = []
  for (const path of ['', '', 'login', 'nowhere']) {
    const answer = await tab.page.goto(new URL(path, stage.gateway.url).href)
    headers.push((await answer?.headerValue('Content-Security-Policy')) ?? '')
  }
  for (const header of headers) {
    expect(header).not.toMatch(/unsafe-(inline|eval|hashes)|\*|data:|blob:/)
    const policy = parsePolicy(header)
    expect(policy['default-src']).toEqual(["'none'"])
    expect(policy['base-uri']).toEqual(["'none'"])
    expect(policy['form-action']).toEqual(["'self'"])
    expect(policy['frame-ancestors']).toEqual(["'none'"])
    expect(policy['script-src'] ?? ["'self'"]).toEqual(["'self'"])
  }
  const ours = parsePolicy(headers[0] ?? '')
  expect(ours['style-src']).toEqual(["'self'", 'nonce'])
  expect(ours['require-trusted-types-for']).toEqual(["'script'"])
  expect(ours['trusted-types']).toEqual(["'none'"])
  expect(headers[0]).not.toBe(headers[1])
})

test('what the policy forbids is stopped, and seen by the witness of all these tests', async () => {
  const stage = await openStage()
  const context = await (await openBrowser()).newContext()
  onTestFinished(() => context.close())
  const witness = await Witness.of(context)
  const page = await context.newPage()
  await page.goto(new URL('login', stage.gateway.url).href)
  expect(witness.complaints).toEqual([])
  // Text becomes neither a script nor markup, and nobody can make a policy that lets it.
  const refused = await page.evaluate(() => {
    const trials = [
      () => {
        document.createElement('script').textContent = 'document.title = "run"'
      },
      () => {
        document.body.innerHTML = '<img src=x onerror="document.title = 1">'
      },
      () => {
        const { trustedTypes } = globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }
        trustedTypes.createPolicy('default', { createHTML: (text: string) => text })
      },
    ]
    return trials.map((trial) => {
      try {
        trial()
        return 'done'
      } catch (error) {
        return (error as Error).name
      }
    })
  })
  expect(refused).toEqual(['TypeError', 'TypeError', 'TypeError'])
  await page.evaluate(() => {
    const image = document.createElement('img')
    image.src = 'http://127.0.0.1:1/elsewhere.png'
    document.body.append(image)
  })
  for (const what of ['require-trusted-types-for blocked trusted-types-sink', 'trusted-types blocked trusted-types-policy', 'img-src blocked http://127.0.0.1:1']) {
    await expect.poll(() => witness.complaints).toContainEqual(expect.stringContaining(`content policy: ${what}`))
  }
  expect(await page.title()).toBe('Sign in · Loglane')
})

test('the terminal has its styles under the policy', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  await stage.publish({ user: 'alice', count: 20 })
  await tab.draws(/line 20\b/)

  const rows = tab.page.locator('.xterm-rows')
  expect(await rows.evaluate((element) => getComputedStyle(element).whiteSpace)).toMatch(/^pre|nowrap/)
  const background = await themeColour(tab.page, '--term-bg')
  const seen = await pixels(tab.page.getByTestId('terminal'))
  const total = [...seen.values()].reduce((sum, n) => sum + n, 0)
  expect((seen.get(background) ?? 0) / total, 'share of the background').toBeGreaterThan(0.5)
  const inked = [...seen].filter(([colour]) => contrast(colour, background) >= readable)
  const ink = inked.reduce((sum, [, n]) => sum + n, 0)
  expect(ink, 'pixels of readable text').toBeGreaterThan(1_000)
})
