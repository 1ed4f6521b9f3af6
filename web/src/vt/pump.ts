import type { Entry } from '../ring/entry.ts'
import type { Ring } from '../ring/ring.ts'

// What xterm gets at once: it works in slices of 12 ms and is given time in between.
const chunkChars = 128 * 1024
const chunkEntries = 1_000
// Further behind than this, the view gives up showing every line and goes to the tail.
const mostBehind = 10_000
const keptOnSkip = 5_000
// A page that was cut again and again has as many gaps: the last of them are shown.
const mostKept = 100

export interface Tally {
  lines: number
  errors: number
}

export interface Chunk {
  entries: Entry[]
  /** Lines left out just before these entries. */
  skipped: number
  /** Gaps and other notices among what was left out. */
  kept: Entry[]
}

/**
 * The terminal's place in the ring. There is no queue: what has not been shown yet waits
 * in the ring, and a view that was overtaken by it says how many lines it left out.
 */
export class Pump {
  readonly #ring: Ring
  #next: number
  #lines: number
  #errors: number

  constructor(ring: Ring) {
    this.#ring = ring
    this.#next = ring.start
    this.#lines = 0
    this.#errors = 0
  }

  /** Entries not taken yet. */
  get behind(): number {
    return this.#ring.end - this.#next
  }

  /** Lines and errors of the page up to here. */
  get passed(): Tally {
    return { lines: this.#lines, errors: this.#errors }
  }

  /** Starts again from what the terminal can hold. */
  rewind(entries: number): void {
    this.#next = Math.max(this.#ring.start, this.#ring.end - entries)
    const first = this.#ring.get(this.#next)
    this.#lines = first ? linesBefore(first) : this.#ring.lines
    this.#errors = first ? errorsBefore(first) : this.#ring.errors
  }

  /** Takes the next entries, at most so many. */
  take(most = chunkEntries): Chunk {
    const kept = this.behind > mostBehind ? this.#skip() : []
    const entries: Entry[] = []
    let skipped = 0
    let chars = 0
    for (const entry of this.#ring.from(this.#next)) {
      if (entries.length >= most || chars >= chunkChars) break
      if (entries.length === 0) skipped = linesBefore(entry) - this.#lines
      entries.push(entry)
      chars += entry.kind === 'line' ? entry.line.data.length : 0
    }
    const last = entries.at(-1)
    if (last) {
      this.#next = last.seq + 1
      this.#lines = last.lines
      this.#errors = last.errors
    }
    return { entries, skipped, kept }
  }

  // Goes near the tail, and returns what is no line of what it leaves out.
  #skip(): Entry[] {
    const to = this.#ring.end - keptOnSkip
    const kept: Entry[] = []
    for (const entry of this.#ring.from(this.#next)) {
      if (entry.seq >= to) break
      if (entry.kind !== 'line') kept.push(entry)
    }
    this.#next = to
    return kept.slice(-mostKept)
  }
}

function linesBefore(entry: Entry): number {
  return entry.kind === 'line' ? entry.lines - 1 : entry.lines
}

function errorsBefore(entry: Entry): number {
  return entry.kind === 'line' && entry.error ? entry.errors - 1 : entry.errors
}
