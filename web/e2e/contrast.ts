import type { Page } from 'playwright-core'

/** Some text of a page, with the colours that it has on the screen. */
export interface Text {
  words: string
  colour: string
  background: string
}

/** What WCAG asks of text of normal size. */
export const readable = 4.5

/** All text on the page that the eye can see. */
export function visibleTexts(page: Page): Promise<Text[]> {
  return page.evaluate(() => {
    const backgroundOf = (from: Element): string => {
      for (let at: Element | null = from; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at)
        if (backgroundColor !== 'rgba(0, 0, 0, 0)') return backgroundColor
      }
      return 'rgb(255, 255, 255)'
    }
    const texts: Text[] = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement
      const words = walker.currentNode.textContent?.trim() ?? ''
      if (!element || words === '' || !element.checkVisibility({ visibilityProperty: true })) continue
      if (element.closest('.unseen, .latest, .skip, noscript, style')) continue
      const { color } = getComputedStyle(element)
      texts.push({ words, colour: color, background: backgroundOf(element) })
    }
    return texts
  })
}

/** The contrast between two colours given as rgb(…), from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour)
  if (!parts) throw new Error(`not an opaque colour: ${colour}`)
  const [red = 0, green = 0, blue = 0] = parts.slice(1).map((part) => {
    const value = Number(part) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
