import type { StreamState } from './types.ts'

// The end of a replay is not marked in the stream: a pause this long is taken for it,
// and a channel too busy to pause counts as caught up after the second time.
const pause = 250
const longest = 5_000
const tick = 100

/** Tells catching up from live, and the broker's absence from both. */
export class Replay {
  readonly #report: (state: StreamState) => void
  #timer: ReturnType<typeof setInterval> | undefined
  #lines = 0
  #reported = -1
  #started = 0
  #last = 0

  constructor(report: (state: StreamState) => void) {
    this.#report = report
  }

  /** A connection opened. */
  start(): void {
    this.stop()
    this.#lines = 0
    this.#reported = -1
    this.#started = Date.now()
    this.#last = this.#started
    this.#tell()
    this.#timer = setInterval(() => {
      this.#check()
    }, tick)
  }

  /** A line came. */
  line(): void {
    this.#lines++
    this.#last = Date.now()
  }

  /** The broker went away or came back. */
  upstream(up: boolean): void {
    this.stop()
    this.#report({ kind: up ? 'live' : 'upstream-down' })
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #check(): void {
    const now = Date.now()
    if (now - this.#last >= pause || now - this.#started >= longest) {
      this.stop()
      this.#report({ kind: 'live' })
    } else {
      this.#tell()
    }
  }

  #tell(): void {
    if (this.#reported === this.#lines) return
    this.#reported = this.#lines
    this.#report({ kind: 'catching-up', lines: this.#lines })
  }
}
