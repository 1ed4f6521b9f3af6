/**
 * Remembers lines without an id, so that a resume does not show them twice.
 *
 * Such a line keeps its place in the server's ring. A stream that resumes at a cursor
 * before it gets it again, and nothing but its text tells that it was shown. So the
 * texts since the cursor last moved are kept, and the replay is matched with them one
 * to one, until the first event that proves the replay has passed their place.
 */
export class Unplaced {
  #shown: string[] = []
  #expected: string[] = []
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** A new connection starts, resuming at the same cursor. */
  resume(): void {
    this.#expected = [...this.#shown]
  }

  /** A line without an id came; true if it is to be shown. */
  arrived(data: string): boolean {
    if (this.#take(data)) return false
    this.#shown.push(data)
    if (this.#shown.length > this.#limit) this.#shown.shift()
    return true
  }

  /**
   * A line with an id but without a src came: it may be one that was shown before it
   * had its place. True if it is to be shown.
   */
  placed(data: string): boolean {
    if (this.#take(data)) return false
    this.#expected = []
    return true
  }

  /** The stream has passed the lines in question. */
  passed(): void {
    this.#expected = []
  }

  /** The cursor moved to another entry: what was shown before it will not come again. */
  moved(): void {
    this.#shown = []
  }

  #take(data: string): boolean {
    const at = this.#expected.indexOf(data)
    if (at < 0) return false
    this.#expected.splice(at, 1)
    return true
  }
}
