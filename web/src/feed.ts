import { isError } from './record/level.ts'
import { parseRecord } from './record/record.ts'
import { storedAt, type Entry } from './ring/entry.ts'
import { Ring } from './ring/ring.ts'
import { StreamClient } from './stream/client.ts'
import type { StreamState } from './stream/types.ts'

// Views of counts and states need no more than this; the terminal has its own clock.
const interval = 200
// As many as one may walk through with a screen reader.
const latest = 50

/** What the page shows beside the lines, as of one moment. */
export interface FeedView {
  /** The moment, Unix ms. */
  at: number
  state: StreamState
  /** How many others watch this channel. */
  watchers: number
  /** Lines since the page was opened, and how many of them are kept. */
  lines: number
  kept: number
  errors: number
  /** When the oldest line kept was stored, Unix ms. */
  begins: number | undefined
  /** The newest entries, oldest first. */
  latest: Entry[]
}

export interface FeedOptions {
  url: string
  unauthorized: (reason: string) => void
  fetch?: typeof fetch
}

/** Whether a stream is there that would tell who else watches. */
function open(state: StreamState): boolean {
  return state.kind === 'catching-up' || state.kind === 'live' || state.kind === 'upstream-down'
}

/** One channel on the page: its stream, and the ring with its lines. */
export class Feed {
  readonly ring = new Ring({ entries: 20_000, chars: 32 * 1024 * 1024 })
  readonly #client: StreamClient
  readonly #watchers = new Set<() => void>()
  readonly #views = new Set<() => void>()
  #state: StreamState = { kind: 'connecting' }
  #others = 0
  #view: FeedView
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor({ url, unauthorized, fetch }: FeedOptions) {
    this.#client = new StreamClient({
      url,
      ...(fetch ? { fetch } : {}),
      handler: {
        line: (line) => {
          const error = isError(parseRecord(line.data).level)
          this.ring.push({ kind: 'line', line, error })
          this.#grown()
        },
        gap: (gap) => {
          this.ring.push({ kind: 'gap', gap })
          this.#grown()
        },
        notice: (text) => {
          this.ring.push({ kind: 'notice', text })
          this.#grown()
        },
        state: (state) => {
          this.#state = state
          if (!open(state)) this.#others = 0
          this.#refresh()
        },
        watchers: (count) => {
          this.#others = count
          this.#refresh()
        },
        unauthorized,
      },
    })
    this.#view = this.#look()
  }

  start(): void {
    this.#client.start()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#client.stop()
  }

  wake(): void {
    this.#client.wake()
  }

  retry(): void {
    this.#client.retry()
  }

  /** Tells at once of every new entry. Returns what ends it. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => {
      this.#watchers.delete(watcher)
    }
  }

  /** The current view, the same object until it changes. */
  readonly view = (): FeedView => this.#view

  /** Tells of a new view a few times a second. Returns what ends it. */
  readonly subscribe = (told: () => void): (() => void) => {
    this.#views.add(told)
    return () => {
      this.#views.delete(told)
    }
  }

  #grown(): void {
    for (const watcher of this.#watchers) watcher()
    this.#timer ??= setTimeout(() => {
      this.#refresh()
    }, interval)
  }

  #refresh(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#view = this.#look()
    for (const told of this.#views) told()
  }

  #look(): FeedView {
    let begins: number | undefined
    let kept = 0
    for (const entry of this.ring.from(this.ring.start)) {
      if (entry.kind !== 'line') continue
      begins = storedAt(entry)
      kept = this.ring.lines - entry.lines + 1
      break
    }
    return {
      at: Date.now(),
      state: this.#state,
      watchers: this.#others,
      lines: this.ring.lines,
      kept,
      errors: this.ring.errors,
      begins,
      latest: Array.from(this.ring.from(this.ring.end - latest)),
    }
  }
}
