import type { Content, Entry } from './entry.ts'

// What an entry costs beside its text, roughly.
const overhead = 200

export interface RingLimits {
  entries: number
  /** Characters, which take one or two bytes each. */
  chars: number
}

/**
 * The newest entries of the page, bounded by number and size: the store behind every
 * view. A view keeps the seq up to which it has shown, and finds the rest here.
 */
export class Ring {
  readonly #slots: (Entry | undefined)[]
  readonly #limits: RingLimits
  #start = 0
  #end = 0
  #chars = 0
  #lines = 0
  #errors = 0

  constructor(limits: RingLimits) {
    this.#limits = limits
    this.#slots = new Array<Entry | undefined>(limits.entries)
  }

  /** seq of the oldest entry kept. */
  get start(): number {
    return this.#start
  }

  /** seq of the next entry to come. */
  get end(): number {
    return this.#end
  }

  /** Lines since the page was opened, kept or not. */
  get lines(): number {
    return this.#lines
  }

  /** Error lines since the page was opened, kept or not. */
  get errors(): number {
    return this.#errors
  }

  push(content: Content): Entry {
    if (content.kind === 'line') {
      this.#lines++
      if (content.error) this.#errors++
    }
    const entry: Entry = {
      ...content,
      seq: this.#end,
      lines: this.#lines,
      errors: this.#errors,
      at: Date.now(),
    }
    if (this.#end - this.#start === this.#limits.entries) this.#drop()
    this.#slots[this.#end % this.#limits.entries] = entry
    this.#end++
    this.#chars += cost(entry)
    // The newest always stays, however large it is.
    while (this.#chars > this.#limits.chars && this.#end - this.#start > 1) this.#drop()
    return entry
  }

  get(seq: number): Entry | undefined {
    if (seq < this.#start || seq >= this.#end) return undefined
    return this.#slots[seq % this.#limits.entries]
  }

  /** Entries from seq on, oldest first. */
  *from(seq: number): Generator<Entry> {
    for (let at = Math.max(seq, this.#start); at < this.#end; at++) {
      const entry = this.get(at)
      if (entry) yield entry
    }
  }

  #drop(): void {
    const slot = this.#start % this.#limits.entries
    const oldest = this.#slots[slot]
    if (oldest) this.#chars -= cost(oldest)
    this.#slots[slot] = undefined
    this.#start++
  }
}

function cost(entry: Entry): number {
  return overhead + (entry.kind === 'line' ? entry.line.data.length : 0)
}
