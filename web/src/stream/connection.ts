import { createParser, type EventSourceMessage } from 'eventsource-parser'

// No heartbeat and no line for this long: the connection is dead, whatever TCP says.
const silenceLimit = 45_000
// Headers come at once or after the broker's confirmation, which takes 2 s at most.
const headersLimit = 20_000
// Over HTTP/1 a browser opens six connections to one host, and each tab here keeps one.
const noAnswer = 'the gateway does not answer (many open tabs may be why)'
// After a wake-up, what the network still holds arrives within this.
const probeLimit = 2_000

/** How one connection went. */
export type Outcome =
  | { kind: 'closed'; lived: number }
  | { kind: 'failed'; reason: string }
  | { kind: 'refused'; status: number; retryAfter: string | null; message: string }
  | { kind: 'unauthorized' }
  | { kind: 'not-a-stream'; message: string }

export interface ConnectionEvents {
  opened(): void
  id(id: string): void
  event(event: EventSourceMessage): void
  retry(ms: number): void
}

/** One request for the stream, from its start to its end. */
export class Connection {
  readonly #abort = new AbortController()
  readonly #events: ConnectionEvents
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastByte = 0
  #dead: string | undefined

  constructor(events: ConnectionEvents) {
    this.#events = events
  }

  /** ms since something was heard. */
  get silence(): number {
    const now = Date.now()
    if (now < this.#lastByte) this.#lastByte = now // the clock was set back
    return now - this.#lastByte
  }

  /** Opens the stream and reads it to its end. Never rejects. */
  async run(fetcher: typeof fetch, url: string, cursor: string | undefined): Promise<Outcome> {
    let opened = 0
    this.#lastByte = Date.now()
    this.#watch(headersLimit, noAnswer)
    try {
      const answer = await fetcher(url, {
        headers: {
          Accept: 'text/event-stream',
          ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
        },
        cache: 'no-store',
        credentials: 'same-origin',
        redirect: 'manual',
        signal: this.#abort.signal,
      })
      const refusal = await refused(answer)
      if (refusal) return refusal
      opened = Date.now()
      this.#lastByte = opened
      this.#watch(silenceLimit, 'nothing heard for 45 s')
      this.#events.opened()
      await this.#read(answer)
      return { kind: 'closed', lived: Date.now() - opened }
    } catch {
      // Browsers tell a script no more about a failed request than that it failed.
      if (opened > 0) return { kind: 'closed', lived: Date.now() - opened }
      return { kind: 'failed', reason: this.#dead ?? 'the gateway cannot be reached' }
    } finally {
      clearTimeout(this.#timer)
      this.#abort.abort()
    }
  }

  /** Gives the connection a short time to prove that it lives. */
  probe(): void {
    const before = this.#lastByte
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#lastByte === before) this.#end('nothing heard after waking up')
      else this.#watch(silenceLimit, 'nothing heard for 45 s')
    }, probeLimit)
  }

  close(): void {
    this.#end('closed')
  }

  async #read(answer: Response): Promise<void> {
    if (!answer.body) return
    const parser = createParser({
      onId: (id) => {
        this.#events.id(id)
      },
      onEvent: (event) => {
        this.#events.event(event)
      },
      onRetry: (ms) => {
        this.#events.retry(ms)
      },
    })
    const reader = answer.body.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.#abort.signal.aborted) return
      this.#lastByte = Date.now()
      parser.feed(decoder.decode(value, { stream: true }))
    }
  }

  // One timer that looks at the clock when it fires, instead of one timer per chunk.
  #watch(limit: number, reason: string): void {
    clearTimeout(this.#timer)
    const wait = Math.max(limit - this.silence, 1)
    this.#timer = setTimeout(() => {
      if (this.silence >= limit) this.#end(reason)
      else this.#watch(limit, reason)
    }, wait)
  }

  #end(reason: string): void {
    this.#dead ??= reason
    this.#abort.abort()
  }
}

async function refused(answer: Response): Promise<Outcome | undefined> {
  // A redirect is a proxy's login page; following it would fail on the content policy.
  if (answer.type === 'opaqueredirect' || answer.status === 401) return { kind: 'unauthorized' }
  const type = answer.headers.get('Content-Type') ?? ''
  if (answer.ok && type.startsWith('text/event-stream')) return undefined
  const message = await words(answer, type)
  if (answer.ok) return { kind: 'not-a-stream', message }
  return {
    kind: 'refused',
    status: answer.status,
    retryAfter: answer.headers.get('Retry-After'),
    message,
  }
}

/** The server's own words: the `error` of a JSON answer, or a short plain text. */
async function words(answer: Response, type: string): Promise<string> {
  const text = (await answer.text()).trim()
  if (type.startsWith('application/json')) {
    try {
      const body = JSON.parse(text) as { error?: unknown }
      if (typeof body.error === 'string') return body.error
    } catch {
      // Not JSON after all: the text below is the best there is.
    }
  }
  if (type.startsWith('text/html')) return ''
  return text.slice(0, 300)
}
