import type { Locator } from 'playwright-core'
import { openBrowser } from './browser.ts'

/** How many pixels an element has of each colour, as rgb(…): what really is on the screen. */
export async function pixels(element: Locator): Promise<Map<string, number>> {
  const png = await element.screenshot()
  // A page of its own, without a content policy that would keep the picture out.
  const decoder = await (await openBrowser()).newPage()
  try {
    return new Map(await decoder.evaluate(countColours, png.toString('base64')))
  } finally {
    await decoder.close()
  }
}

// Runs in the page.
async function countColours(base64: string): Promise<[string, number][]> {
  const answer = await fetch(`data:image/png;base64,${base64}`)
  const image = await createImageBitmap(await answer.blob())
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
  if (!context) throw new Error('the browser has no canvas')
  context.drawImage(image, 0, 0)
  const { data } = context.getImageData(0, 0, image.width, image.height)
  const counts = new Map<string, number>()
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue] = data.slice(i, i + 3)
    const colour = `rgb(${red ?? 0}, ${green ?? 0}, ${blue ?? 0})`
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return [...counts]
}
