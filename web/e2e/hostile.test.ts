import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import type { LogPage } from './page.ts'
import { rowsInView } from './screen.ts'
import { openStage, type Stage } from './stage.ts'

interface Hostile {
  category: string
  line: Buffer
}

/** The corpus that the server's tests make. */
function readCorpus(): Hostile[] {
  const path = new URL('../../internal/vt/testdata/hostile.json', import.meta.url)
  const lines = JSON.parse(readFileSync(path, 'utf8')) as { category: string; line: string }[]
  return lines.map(({ category, line }) => ({ category, line: Buffer.from(line, 'base64') }))
}

/** Text as JSON, each unit an escape, as encoders for ASCII write it. */
function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
}

/** The ways in which a program may send a hostile line. */
const spellings: Record<string, (line: Buffer) => Buffer> = {
  text: (line) => line,
  // A program that takes bytes for Latin-1 makes controls of bytes.
  'JSON escapes': (line) => Buffer.from(`{"message":${escaped(line.toString('latin1'))}}`),
  'JSON, raw': (line) => Buffer.from(`{"message":${JSON.stringify(line.toString('utf8'))}}`),
  'split and nested': (line) => {
    const text = line.toString('utf8')
    const half = Math.floor(text.length / 2)
    const whole = escaped(text)
    return Buffer.from(
      `{"message":${escaped(text.slice(0, half))},"logger":${escaped(text.slice(half))},"level":${whole},` +
        `"attrs":{${whole}:[{"deep":${whole}}]}}`,
    )
  },
}

const marker = (n: number) => `marker ${n} stands`
const markerRow = /^\d\d:\d\d:\d\d\.\d{3} ·     marker (\d+) stands\s*$/

interface Heard {
  clipboard: string[]
  opened: string[]
  titles: string[]
  sounds: number
}

// Runs in the page before its own scripts: nobody hears of these otherwise.
function listen(): void {
  const heard: Heard = { clipboard: [], opened: [], titles: [], sounds: 0 }
  Object.assign(globalThis, { heard })
  // A page that is not secure yet has none.
  const clipboard = (navigator as Partial<Navigator>).clipboard
  for (const method of ['write', 'writeText', 'read', 'readText'] as const) {
    if (!clipboard) break
    Object.defineProperty(clipboard, method, {
      value: (...args: unknown[]) => {
        heard.clipboard.push(`${method} ${JSON.stringify(args)}`)
        return Promise.resolve('')
      },
    })
  }
  document.addEventListener('copy', () => heard.clipboard.push('copy'), true)
  document.addEventListener('paste', () => heard.clipboard.push('paste'), true)
  Object.defineProperty(globalThis, 'open', {
    value: (url: unknown) => {
      heard.opened.push(String(url))
      return null
    },
  })
  for (const name of ['Audio', 'AudioContext']) {
    Object.defineProperty(globalThis, name, {
      value: function Silent() {
        heard.sounds++
      },
    })
  }
  new MutationObserver(() => {
    if (heard.titles.at(-1) !== document.title) heard.titles.push(document.title)
  }).observe(document, { subtree: true, childList: true, characterData: true })
}

const heardBy = (page: Page) => page.evaluate(() => (globalThis as unknown as { heard: Heard }).heard)

/** Everything that the pages of a context ask for or send, beyond one gateway's own reading. */
function strayRequests(context: BrowserContext, base: string): string[] {
  const strays: string[] = []
  const own = new RegExp(`^${base}(|login(\\?.*)?|assets/[\\w.-]+|api/v1/(stream|me)(\\?.*)?)$`)
  context.on('request', (request) => {
    const signsIn = request.method() === 'POST' && request.url().startsWith(`${base}login`)
    if ((request.method() === 'GET' && own.test(request.url())) || signsIn) return
    strays.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`)
  })
  return strays
}

/** Sends each of the lines between two markers, and looks at what the terminal then has. */
async function checkBatch(stage: Stage, tab: LogPage, lines: Buffer[], first: number): Promise<void> {
  const record = (n: number) => Buffer.from(JSON.stringify({ message: marker(n) }))
  const sent = lines.flatMap((line, i) => [line, record(first + i)])
  await stage.redis.add('alice', [record(first - 1), ...sent])
  const last = first + lines.length - 1
  const seen = async () => {
    const rows = await rowsInView(tab.page)
    const from = rows.findIndex((row) => markerRow.exec(row)?.[1] === String(first - 1))
    return from < 0 ? [] : rows.slice(from)
  }
  await expect
    .poll(async () => (await seen()).some((row) => markerRow.exec(row)?.[1] === String(last)), { message: `marker ${last}` })
    .toBe(true)
  const rows = await seen()
  const numbers = rows.flatMap((row) => markerRow.exec(row)?.[1] ?? [])
  const wanted = Array.from({ length: lines.length + 1 }, (_, i) => String(first - 1 + i))
  expect(numbers, 'each marker stands once, whole, in its place').toEqual(wanted)

  // Each line of hostile text begins where the one before has ended, with its own time.
  let begins = 0
  for (const row of rows) if (/^\d\d:\d\d:\d\d\.\d{3} /.test(row)) begins++
  expect(begins, 'a row with a time for each line').toBe(2 * lines.length + 1)
  for (const row of rows) {
    expect(row).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    expect(row, JSON.stringify(row)).not.toMatch(/(?![\u200c\u200d\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u)
  }
}

/** How the text of the markers in view is drawn. */
function markerStyles(page: Page): Promise<string[]> {
  return page.locator('.xterm-rows > div').evaluateAll((rows) => {
    const styles = rows
      .filter((row) => /marker \d+ stands/.test(row.textContent))
      .map((row) => {
        const spans = [...row.querySelectorAll('span')].filter((span) => span.textContent.includes('stands'))
        return spans
          .map((span) => {
            const { color, backgroundColor, fontWeight, fontStyle, textDecorationLine, opacity } = getComputedStyle(span)
            return [color, backgroundColor, fontWeight, fontStyle, textDecorationLine, opacity].join(' ')
          })
          .join('; ')
      })
    return [...new Set(styles)]
  })
}

test.each(Object.keys(spellings))(
  'hostile lines as %s do nothing in the terminal but stand there',
  async (name) => {
    const spell = spellings[name] ?? ((line: Buffer) => line)
    const stage = await openStage()
    const context = await stage.browser({ viewport: { width: 1600, height: 4_000 } })
    await context.addInitScript(listen)
    const strays = strayRequests(context, stage.url)
    const tab = await stage.tab(context)
    await tab.open()
    await tab.signIn('alice', stage.accounts.password('alice'))
    await tab.reaches('connected')
    const title = 'User.alice · Loglane'
    await expect.poll(() => tab.page.title()).toBe(title)
    const before = await heardBy(tab.page)

    const corpus = readCorpus()
    expect(corpus.length).toBeGreaterThanOrEqual(300)
    const size = 40
    for (let at = 0; at < corpus.length; at += size) {
      const lines = corpus.slice(at, at + size).map(({ line }) => spell(line))
      await checkBatch(stage, tab, lines, at + Math.floor(at / size) + 1)
      expect(await markerStyles(tab.page), 'no colour of one line reaches another').toHaveLength(1)
    }

    expect(await tab.page.title()).toBe(title)
    const heard = await heardBy(tab.page)
    expect(heard).toEqual({ ...before, titles: heard.titles })
    expect(heard.titles.filter((said) => !/^Loglane|^Sign in|^User\.alice · Loglane$/.test(said))).toEqual([])
    const links = await tab.page.locator('a').evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
    expect(links.filter((link) => !link.startsWith(stage.url))).toEqual([])
    expect(context.pages()).toHaveLength(1)
    expect(strays).toEqual([])
  },
  180_000,
)

test('text that turns around or cannot be seen is shown by name', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const message = 'a\u202eb\u2066c\u200bd\ufeffe\u{e0041}f\u061cg\u00adh joined \u200d\u200c'
  await stage.redis.add('alice', [Buffer.from(message), Buffer.from(JSON.stringify({ message: `json ${message}` }))])
  const named = 'a<U+202E>b<U+2066>c<U+200B>d<U+FEFF>e<U+E0041>f<U+061C>g<U+00AD>h joined'
  await tab.shows(named)
  await tab.shows(`json ${named}`)
  await expect.poll(async () => (await rowsInView(tab.page)).join('\n')).toContain(`json ${named}`)
  // What is saved is what was sent.
  const saved = await tab.saved()
  expect(JSON.stringify(saved)).toContain('\u202eb\u2066c\u200bd\ufeffe\u{e0041}f\u061cg\u00adh')
})

test('a line that marks itself up is text', async () => {
  const stage = await openStage()
  const tab = await stage.reader('alice')
  const markup = ['<img src=x onerror="document.title=1">', '<script>document.title=1</script>', '"><svg onload=document.title=1>', "{{constructor.constructor('document.title=1')()}}", 'javascript:document.title=1', '</li><iframe srcdoc="<script>parent.document.title=1</script>">']
  await stage.redis.add('alice', [...markup.map((line) => Buffer.from(line)), ...markup.map((line) => Buffer.from(JSON.stringify({ message: line, logger: line, level: line, attrs: { [line]: line } })))])
  for (const line of markup) await tab.shows(line)
  await tab.hasLines(2 * markup.length)
  const made = await tab.page.locator('[data-testid="terminal"], [data-testid="lines"]').evaluateAll((places) => places.flatMap((place) => [...place.querySelectorAll('img, script, svg, iframe, [onerror], [onload]')].map((element) => element.outerHTML)))
  expect(made).toEqual([])
  expect(await tab.page.title()).toBe('User.alice · Loglane')
})
