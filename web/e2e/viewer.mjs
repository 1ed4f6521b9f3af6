// The page in Chromium, for a program that asks on standard input what it shows:
//
//	node viewer.mjs <url of the page>    with an API token in LOGLANE_TOKEN
//
// `look` answers with the state and the count that the page shows, and with when each of its
// streams was answered and when it ended, in Unix milliseconds; `save` presses the
// button that saves the lines and answers with the file, the latest lines as a screen
// reader has them, and the rows that the terminal has in view. Each answer is one line of
// JSON. The browser ends with the input.
import { createInterface } from 'node:readline'
import { launch } from './launch.mjs'

const [url = ''] = process.argv.slice(2)
const browser = await launch()
const context = await browser.newContext({
  extraHTTPHeaders: { Authorization: `Bearer ${process.env['LOGLANE_TOKEN']}` },
})
const page = await context.newPage()
/** @type {string[]} */
const complaints = []
page.on('pageerror', (error) => complaints.push(error.message))
/** @type {Map<import('playwright-core').Request, { asked: string, opened: number, ended?: number }>} */
const visits = new Map()
page.on('response', (response) => {
  const request = response.request()
  if (!request.url().includes('/api/v1/stream') || !response.ok()) return
  visits.set(request, { asked: request.headers()['last-event-id'] ?? '', opened: Date.now() })
})
/** @param {import('playwright-core').Request} request */
function left(request) {
  const visit = visits.get(request)
  if (visit) visit.ended = Date.now()
}
page.on('requestfinished', left)
page.on('requestfailed', left)
await page.goto(url)

async function look() {
  const state = await page.getByTestId('status').getAttribute('data-state')
  const lines = await page.getByTestId('line-count').getAttribute('data-lines')
  return { state, lines: Number(lines), complaints, visits: [...visits.values()] }
}

async function save() {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save lines' }).click(),
  ])
  const latest = page.getByTestId('lines').locator('li[data-kind=line]')
  const rows = page.locator('.xterm-rows > div')
  return {
    file: await download.path(),
    latest: await latest.evaluateAll((items) => items.map((item) => item.getAttribute('data-id'))),
    rows: await rows.evaluateAll((shown) => shown.map((row) => row.textContent)),
  }
}

for await (const asked of createInterface({ input: process.stdin })) {
  const answer = asked === 'save' ? await save() : await look()
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await browser.close()
