import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freePort } from './port.ts'
import { Program } from './program.ts'

type Command = (string | Uint8Array)[]

/** Sends commands of any bytes, and waits until each has its answer. */
async function send(port: number, commands: Command[]): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const answered = new Promise<void>((resolve, reject) => {
    let answers = ''
    socket.setEncoding('latin1')
    socket.once('error', reject)
    socket.on('data', (text: string) => {
      answers += text
      const fault = /^-.*/m.exec(answers)
      if (fault) reject(new Error(`Redis says ${fault[0]}`))
      // A number is one line, the place of an entry two.
      if ((answers.match(/^[:$]/gm) ?? []).length === commands.length && answers.endsWith('\r\n')) resolve()
    })
  })
  for (const command of commands) {
    socket.write(`*${command.length}\r\n`)
    for (const part of command) {
      const bytes = Buffer.from(part)
      socket.write(Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]))
    }
  }
  try {
    await answered
  } finally {
    socket.destroy()
  }
}

/** A real redis-server whose acknowledged writes survive kill -9. */
export class Redis {
  readonly url: string
  readonly #port: number
  readonly #data: string
  #server: Program | undefined

  private constructor(port: number, data: string) {
    this.#port = port
    this.#data = data
    this.url = `redis://127.0.0.1:${port}/0`
  }

  static async start(): Promise<Redis> {
    const redis = new Redis(await freePort(), await mkdtemp(join(tmpdir(), 'loglane-redis-')))
    await redis.start()
    return redis
  }

  get output(): string {
    return this.#server?.output ?? ''
  }

  /** Starts with the data that was written, and returns once it answers. */
  async start(): Promise<void> {
    const settings = {
      port: String(this.#port),
      bind: '127.0.0.1',
      dir: this.#data,
      save: '',
      appendonly: 'yes',
      appendfsync: 'always',
    }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const server = new Program('redis-server', args)
    this.#server = server
    await vi.waitFor(
      async () => {
        if (!server.running) throw server.trouble('ended')
        if ((await this.command('PING')) !== 'PONG') throw server.trouble('is still loading')
      },
      { timeout: 10_000, interval: 20 },
    )
  }

  /** Ends it as `kill -9` does. */
  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL')
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.#data, { recursive: true, force: true })
  }

  /** Sends a command as any other program would, and returns the reply. */
  async command(...words: string[]): Promise<string> {
    const cli = new Program('redis-cli', ['-p', String(this.#port), '-e', ...words])
    return (await cli.succeed()).trimEnd()
  }

  /**
   * Adds lines to a user's history and rings for each, as a program of another kind does: of
   * bytes that are none of ours.
   */
  async add(user: string, lines: Uint8Array[]): Promise<void> {
    const commands = lines.flatMap((line) => [
      ['XADD', `stream:logs:User.${user}`, '*', 'data', line],
      ['PUBLISH', `logs:User.${user}`, line],
    ])
    await send(this.#port, commands)
  }

  /** A plain PUBLISH to a user's channel, by a program that has nothing of ours. */
  async publish(user: string, payload: string): Promise<void> {
    await this.command('PUBLISH', `logs:User.${user}`, payload)
  }
}
