import type { Browser } from 'playwright-core'
import { afterAll } from 'vitest'
import { launch } from './launch.mjs'

let browser: Promise<Browser> | undefined

/** The Chromium of this file's tests. */
export function openBrowser(): Promise<Browser> {
  browser ??= launch()
  return browser
}

// Every test file has modules of its own, so this ends the file's own browser.
afterAll(async () => {
  await (await browser)?.close()
})
