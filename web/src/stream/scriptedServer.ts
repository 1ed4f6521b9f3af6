import type { StreamHandler, StreamState } from './types.ts'

/** One request that the client made, answered by the test. */
export class Call {
  readonly headers: Record<string, string>
  readonly url: string
  aborted = false
  readonly #settle: (answer: Response) => void
  readonly #fail: (error: Error) => void
  #body: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    url: string,
    init: RequestInit,
    settle: (answer: Response) => void,
    fail: (error: Error) => void,
  ) {
    this.url = url
    this.headers = (init.headers ?? {}) as Record<string, string>
    this.#settle = settle
    this.#fail = fail
    init.signal?.addEventListener('abort', () => {
      this.aborted = true
      const error = new DOMException('aborted', 'AbortError')
      fail(error)
      try {
        this.#body?.error(error)
      } catch {
        // The test had closed the body before.
      }
    })
  }

  open(): this {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller
      },
    })
    this.#settle(new Response(body, { headers: { 'Content-Type': 'text/event-stream' } }))
    return this
  }

  send(text: string | Uint8Array): this {
    this.#body?.enqueue(typeof text === 'string' ? new TextEncoder().encode(text) : text)
    return this
  }

  close(): void {
    this.#body?.close()
  }

  cut(): void {
    this.#body?.error(new TypeError('network error'))
  }

  refuse(status: number, body: string, headers: Record<string, string> = {}): void {
    this.#settle(new Response(body, { status, headers: { 'Content-Type': 'text/plain', ...headers } }))
  }

  fail(message: string): void {
    this.#fail(new TypeError(message))
  }
}

/** A fetch whose answers the test writes. */
export class ScriptedServer {
  readonly calls: Call[] = []

  readonly fetch: typeof fetch = (input, init) =>
    new Promise((settle, fail) => {
      this.calls.push(new Call(input as string, init ?? {}, settle, fail))
    })

  get last(): Call {
    const call = this.calls.at(-1)
    if (!call) throw new Error('no request was made')
    return call
  }
}

/** Writes down what a client reports. */
export class Recorder implements StreamHandler {
  readonly lines: string[] = []
  readonly told: string[] = []
  readonly states: StreamState[] = []
  signedOut: string | undefined

  line({ data }: { data: string }): void {
    this.lines.push(data)
  }

  gap({ reason, missed }: { reason: string; missed: number | null }): void {
    this.told.push(`gap ${reason} ${missed ?? 'unknown'}`)
  }

  notice(text: string): void {
    this.told.push(`notice ${text}`)
  }

  state(state: StreamState): void {
    this.states.push(state)
  }

  watchers(count: number): void {
    this.told.push(`watchers ${count}`)
  }

  unauthorized(reason: string): void {
    this.signedOut = reason
  }

  get kind(): string {
    return this.states.at(-1)?.kind ?? 'none'
  }
}
