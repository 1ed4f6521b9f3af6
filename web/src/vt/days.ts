import { day } from '../record/time.ts'
import { storedAt, type Entry } from '../ring/entry.ts'

/**
 * Finds where a new day begins, since rows show the time only. It goes by when a line was
 * stored: what programs say of the time may go back and forth around midnight.
 */
export class Days {
  #current: string

  constructor(now: number) {
    this.#current = day(now)
  }

  /** The day that begins with this entry, if one does. */
  beginning(entry: Entry): string | undefined {
    if (entry.kind !== 'line') return undefined
    const at = day(storedAt(entry))
    if (at === this.#current) return undefined
    this.#current = at
    return at
  }
}
