import type { Locator, Page } from 'playwright-core'

/** The rows of the terminal that are in view, from top to bottom. */
export async function rowsInView(page: Page): Promise<string[]> {
  return page.locator('.xterm-rows > div').evaluateAll((rows) => rows.map((row) => row.textContent))
}

/** The pieces of the terminal's text in view that contain the words, each in one colour. */
export function pieces(page: Page, words: string): Locator {
  return page.locator('.xterm-rows span', { hasText: words })
}

/** The colour of an element's text, as rgb(…). */
export function colourOf(element: Locator): Promise<string> {
  return element.evaluate((found) => getComputedStyle(found).color)
}

/** A colour of the page's style sheet, as rgb(…). */
export function themeColour(page: Page, variable: string): Promise<string> {
  return page.evaluate((name) => {
    const probe = document.createElement('i')
    probe.style.color = `var(${name})`
    document.body.append(probe)
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  }, variable)
}
