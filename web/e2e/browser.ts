import { chromium, type Browser } from 'playwright-core'
import { afterAll } from 'vitest'

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--disable-component-update',
]

let browser: Promise<Browser> | undefined

/** The Chromium of this file's tests. */
export function openBrowser(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: flags,
  })
  return browser
}

// Every test file has modules of its own, so this ends the file's own browser.
afterAll(async () => {
  await (await browser)?.close()
})
