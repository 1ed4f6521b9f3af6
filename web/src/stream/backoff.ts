const first = 500
const cap = 30_000
// Under this a reconnect loop would be felt by the server and seen by nobody.
const floor = 100

/** Waiting times between tries, in ms: full jitter below a ceiling that doubles. */
export class Backoff {
  #tries = 0
  #base = first
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** Takes the base from the server's `retry:` field. */
  set base(ms: number) {
    this.#base = Math.min(Math.max(ms, floor), cap)
  }

  get base(): number {
    return this.#base
  }

  next(): number {
    const ceiling = Math.min(cap, this.#base * 2 ** this.#tries)
    this.#tries = Math.min(this.#tries + 1, 20)
    return Math.max(floor, Math.round(this.#random() * ceiling))
  }

  reset(): void {
    this.#tries = 0
  }
}

/** Reads a Retry-After header, seconds or a date, into ms; undefined if unreadable. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const seconds = /^\s*(\d+)\s*$/.exec(header)?.[1]
  const ms = seconds === undefined ? Date.parse(header) - now : Number(seconds) * 1000
  if (Number.isNaN(ms)) return undefined
  return Math.min(Math.max(ms, 0), 600_000)
}
