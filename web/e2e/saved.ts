/** One line of a saved file. */
export interface Saved {
  id?: string
  record?: { message: string; context?: string; attrs?: { n?: number } }
  event?: string
  data?: { reason?: string; missed?: number | null }
}

export function parseSaved(text: string): Saved[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Saved)
}

/** The numbers that PUBLISH_BIN gave to the lines, in the file's order. */
export function numbers(saved: Saved[]): number[] {
  return saved.map(({ record }) => record?.attrs?.n).filter((n) => n !== undefined)
}

/** first, first + 1, … last: what numbers() should be where each line stands once and in order. */
export function run(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
