import { vi } from 'vitest'
import { binary } from './binary.ts'
import { freePort } from './port.ts'
import { Program } from './program.ts'

/** The environment without settings of the developer's own: a test says all that its gateway is to know. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(LOGLANE_.*|REDIS_URL)$/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}

/** `loglane serve` on a port that it keeps across restarts. */
export class Gateway {
  readonly url: string
  readonly #args: string[]
  #server: Program | undefined

  private constructor(port: number, args: string[]) {
    this.url = `http://127.0.0.1:${port}/`
    this.#args = ['serve', '--addr', `127.0.0.1:${port}`, ...args]
  }

  static async start(args: string[]): Promise<Gateway> {
    const gateway = new Gateway(await freePort(), args)
    await gateway.start()
    return gateway
  }

  get output(): string {
    return this.#server?.output ?? ''
  }

  /** Returns once it answers. */
  async start(): Promise<void> {
    const server = new Program(binary('LOGLANE_BIN'), this.#args, { env: bareEnvironment() })
    this.#server = server
    await vi.waitFor(
      async () => {
        if (!server.running) throw server.trouble('ended')
        const answer = await fetch(`${this.url}healthz`)
        if (!answer.ok) throw server.trouble(`answers ${answer.status}`)
      },
      { timeout: 10_000, interval: 20 },
    )
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#server?.end(signal)
  }
}
