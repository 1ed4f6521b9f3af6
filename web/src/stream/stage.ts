import { afterEach, beforeEach, expect, vi } from 'vitest'
import { StreamClient } from './client.ts'
import { Recorder, ScriptedServer } from './scriptedServer.ts'

export const url = '/api/v1/stream?ping=15'

/** An event id of the nth line; '' as src leaves it out. */
export function id(n: number, src = `source${n}`): string {
  return `epoch.${n}.170000000000${n}-0${src && `.${src}`}`
}

export function line(n: number, text: string, src?: string): string {
  return `id: ${id(n, src)}\ndata: ${text}\n\n`
}

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
export const settle = () => pass(0)

/** A client between a server and a reader that the test plays, with the clock in hand. */
export class Stage {
  readonly server = new ScriptedServer()
  readonly seen = new Recorder()
  /** What the dice show, from 0 to 1. */
  random = 0.5
  readonly client = new StreamClient({
    url,
    handler: this.seen,
    fetch: this.server.fetch,
    random: () => this.random,
  })

  /** Starts the client and opens its stream. */
  async opened(text = ''): Promise<void> {
    this.client.start()
    this.server.last.open().send(`retry: 3000\n\n${text}`)
    await settle()
  }

  /** Waits until the client tries again, up to the time. */
  async reconnected(within = 60_000): Promise<void> {
    const before = this.server.calls.length
    for (let ms = 0; ms < within && this.server.calls.length === before; ms += 50) await pass(50)
    expect(this.server.calls.length).toBe(before + 1)
  }
}

/** A new stage for each test of a file. */
export function staged(): () => Stage {
  let stage: Stage
  beforeEach(() => {
    vi.useFakeTimers()
    stage = new Stage()
  })
  afterEach(() => {
    stage.client.stop()
    vi.useRealTimers()
  })
  return () => stage
}
