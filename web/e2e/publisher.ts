import { binary } from './binary.ts'
import { Program } from './program.ts'

export interface Numbered {
  user: string
  /** Number of the first line; 1 if not given. */
  first?: number
  count?: number
  /** Lines a second; as fast as can be if not given. */
  rate?: number
  /** What a line says, in green, before its number. */
  message?: string
  /** Lines that the channel keeps. */
  historyLines?: number
}

/** A program that logs numbered lines through logship, and ends once they are acknowledged. */
export class Publisher {
  readonly #program: Program

  constructor(redisUrl: string, lines: Numbered) {
    const { user, first = 1, count = 1, rate = 0, message = 'line', historyLines = 0 } = lines
    const flags = { user, first, count, rate, message, 'history-lines': historyLines }
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    this.#program = new Program(binary('PUBLISH_BIN'), [`--redis-url=${redisUrl}`, ...args])
  }

  /** Waits for the end, and returns the number of the last line. */
  async finish(): Promise<number> {
    const output = await this.#program.succeed()
    const last = /^last (\d+)$/m.exec(output)?.[1]
    if (last === undefined) throw this.#program.trouble('did not say where it ended')
    return Number(last)
  }

  /** Lets it end early, and returns the number of the last line. */
  async stop(): Promise<number> {
    await this.#program.end('SIGTERM')
    return this.finish()
  }

  async kill(): Promise<void> {
    await this.#program.end('SIGKILL')
  }
}
