import type { EventSourceMessage } from 'eventsource-parser'
import { Backoff, retryAfter } from './backoff.ts'
import { Connection, type Outcome } from './connection.ts'
import { identity, parseCursor } from './cursor.ts'
import { asGap, asWatchers, member } from './events.ts'
import { Replay } from './replay.ts'
import { Seen } from './seen.ts'
import type { StreamHandler } from './types.ts'
import { Unplaced } from './unplaced.ts'

// A stream that lived this long was a good one: the next loss starts from the beginning.
const stable = 30_000
// What `ping=` in the stream's address asks for.
const pingInterval = 15_000
// The reason why a login ended stays readable before the login page replaces it.
const farewellTime = 1_500
// Streaming that a setting has switched off comes back with a restart, if at all.
const switchedOff = 30_000

type Refusal = Extract<Outcome, { kind: 'refused' }>

/** What the server said about the end of the connection that is open. */
interface Farewell {
  bye: boolean
  retry?: number
  auth?: string
}

export interface StreamOptions {
  url: string
  handler: StreamHandler
  fetch?: typeof fetch
  random?: () => number
}

/**
 * Reads a channel for ever: connects, resumes at the cursor after every loss, and
 * shows each line once. `start` begins, `stop` ends it for good.
 */
export class StreamClient {
  readonly #url: string
  readonly #handler: StreamHandler
  readonly #fetch: typeof fetch
  readonly #backoff: Backoff
  readonly #replay: Replay
  // Several busy producers may send so many lines again when Redis has lost them.
  readonly #seen = new Seen(100_000)
  readonly #unplaced = new Unplaced(2_000)
  #cursor: string | undefined
  #connection: Connection | undefined
  #farewell: Farewell = { bye: false }
  #reason = ''
  #interrupt: (() => void) | undefined
  #patient = false
  #running = false
  // An id was read whose block may yet turn out to have no event.
  #bare = false

  constructor(options: StreamOptions) {
    this.#url = options.url
    this.#handler = options.handler
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
    this.#backoff = new Backoff(options.random ?? Math.random)
    this.#replay = new Replay((state) => {
      this.#handler.state(state)
    })
  }

  /** The place after which the next line comes; undefined before the first. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#loop()
  }

  stop(): void {
    this.#running = false
    this.#replay.stop()
    this.#connection?.close()
    this.#interrupt?.()
  }

  /**
   * The page came back to sight or to the network. A wait that the server asked for goes
   * on, any other ends now; an open connection that has been silent for longer than the
   * heartbeat is tested.
   */
  wake(): void {
    if (this.#interrupt) {
      if (!this.#patient) this.#interrupt()
    } else if (this.#connection && this.#connection.silence > pingInterval) {
      this.#connection.probe()
    }
  }

  /** The reader asks for a try now, whatever the wait was for. */
  retry(): void {
    this.#interrupt?.()
  }

  async #loop(): Promise<void> {
    while (this.#running) {
      this.#handler.state({ kind: 'connecting' })
      this.#farewell = { bye: false }
      this.#unplaced.resume()
      this.#bare = false
      const connection = new Connection({
        opened: () => {
          this.#replay.start()
        },
        id: (id) => {
          this.#move(id)
        },
        event: (event) => {
          this.#event(event)
        },
        retry: (ms) => {
          this.#farewell.retry = ms
          this.#backoff.base = ms
        },
      })
      this.#connection = connection
      const outcome = await connection.run(this.#fetch, this.#url, this.#cursor)
      this.#connection = undefined
      this.#replay.stop()
      if (this.#active()) await this.#after(outcome)
    }
  }

  // A call, since the compiler takes a field for unchanged across an await.
  #active(): boolean {
    return this.#running
  }

  async #after(outcome: Outcome): Promise<void> {
    switch (outcome.kind) {
      case 'closed':
        await this.#closed(outcome.lived)
        return
      case 'failed':
        await this.#wait(this.#backoff.next(), outcome.reason)
        return
      case 'not-a-stream':
        await this.#wait(switchedOff + this.#backoff.next(), outcome.message, { limit: true })
        return
      case 'refused':
        await this.#refused(outcome)
        return
      case 'unauthorized':
        this.#running = false
        this.#handler.state({ kind: 'signed-out' })
        this.#handler.unauthorized(this.#reason)
        return
    }
  }

  async #closed(lived: number): Promise<void> {
    const { auth, bye, retry } = this.#farewell
    if (auth !== undefined) {
      this.#reason = auth
      this.#handler.state({ kind: 'ended', reason: auth })
      this.#patient = true
      await this.#pause(farewellTime)
      return
    }
    if (bye || lived >= stable) this.#backoff.reset()
    if (bye && retry !== undefined) {
      await this.#wait(retry, 'the gateway restarts')
    } else {
      await this.#wait(this.#backoff.next(), 'the connection was lost')
    }
  }

  async #refused({ status, message, retryAfter: header }: Refusal): Promise<void> {
    if (status === 403) {
      this.#running = false
      this.#handler.state({ kind: 'forbidden', message })
    } else if (status === 400 && this.#cursor === undefined) {
      this.#running = false
      this.#handler.state({ kind: 'rejected', message })
    } else if (status === 400) {
      this.#cursor = undefined
      this.#handler.notice('the server refused the place to go on from: starting anew')
      await this.#wait(this.#backoff.next(), message)
    } else {
      const asked = retryAfter(header, Date.now())
      const reason = message === '' ? `the server answered ${status}` : message
      // Jitter keeps a crowd apart, but should not make a short time that was asked for long.
      const jitter = Math.min(this.#backoff.next(), Math.max(asked ?? Infinity, 1_000))
      await this.#wait((asked ?? 0) + jitter, reason, {
        limit: status === 429,
        patient: asked !== undefined,
      })
    }
  }

  async #wait(ms: number, reason: string, how: { limit?: boolean; patient?: boolean } = {}): Promise<void> {
    const limit = how.limit ?? false
    this.#patient = how.patient ?? false
    this.#handler.state({ kind: 'waiting', until: Date.now() + ms, reason, limit })
    await this.#pause(ms)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#interrupt = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#interrupt = done
    })
  }

  // The parser reports an id when its block ends, before the block's event if it has one.
  #move(id: string): void {
    if (this.#bare) this.#unplaced.passed()
    this.#bare = true
    const entry = parseCursor(id)?.entry
    const before = this.#cursor === undefined ? undefined : parseCursor(this.#cursor)?.entry
    if (entry !== before) this.#unplaced.moved()
    this.#cursor = id === '' ? undefined : id
  }

  #event(event: EventSourceMessage): void {
    if (event.id === undefined && this.#bare) this.#unplaced.passed()
    this.#bare = false
    switch (event.event ?? 'message') {
      case 'message':
        this.#line(event.id, event.data)
        return
      case 'gap':
        this.#unplaced.passed()
        this.#handler.gap(asGap(event))
        return
      case 'status':
        this.#replay.upstream(member(event.data, 'upstream') !== 'down')
        return
      case 'watch':
        this.#handler.watchers(asWatchers(event.data))
        return
      case 'auth':
        this.#farewell.auth = member(event.data, 'reason') ?? ''
        return
      case 'bye':
        this.#farewell.bye = true
        return
    }
  }

  #line(id: string | undefined, data: string): void {
    this.#replay.line()
    if (id === undefined) {
      if (this.#unplaced.arrived(data)) this.#handler.line({ data })
      return
    }
    const unseen = this.#seen.add(identity(id))
    // A line with a src had its id from the start.
    const foreign = parseCursor(id)?.src === undefined
    if (!foreign) this.#unplaced.passed()
    const shown = foreign && !this.#unplaced.placed(data)
    if (unseen && !shown) this.#handler.line({ id, data })
  }
}
