import { spawn, type ChildProcess } from 'node:child_process'

const outputKept = 64 * 1024
const endsWithin = 15_000

const running = new Set<ChildProcess>()

// Whoever interrupts the tests wants nothing left behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGKILL'

export interface ProgramOptions {
  /** Its whole environment; without it, the test's own. */
  env?: NodeJS.ProcessEnv
  /** What it reads; without it, nothing. */
  input?: string
}

/** A program started by a test, with what it wrote. */
export class Program {
  readonly name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #output = ''
  #failure: Error | undefined

  constructor(path: string, args: string[], { env = process.env, input = '' }: ProgramOptions = {}) {
    this.name = path
    const child = spawn(path, args, { env })
    this.#child = child
    running.add(child)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputKept)
      })
    }
    child.stdin.on('error', () => {
      // A program that does not read ends as it likes, and that is what counts.
    })
    child.stdin.end(input)
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#failure = error
        running.delete(child)
        resolve()
      })
      child.once('close', () => {
        running.delete(child)
        resolve()
      })
    })
  }

  /** The end of what it wrote, both streams together. */
  get output(): string {
    return this.#output
  }

  get running(): boolean {
    return running.has(this.#child)
  }

  /** Waits until it has ended by itself, and fails unless it went well. */
  async succeed(): Promise<string> {
    await this.#ended
    if (this.#failure || this.#child.exitCode !== 0) throw this.trouble('failed')
    return this.#output
  }

  /** Sends a signal and waits for the end. */
  async end(signal: Signal): Promise<void> {
    if (!this.running) return
    this.#child.kill(signal)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, endsWithin, 'late')
    })
    const outcome = await Promise.race([this.#ended, late])
    clearTimeout(timer)
    if (outcome !== 'late') return
    this.#child.kill('SIGKILL')
    throw this.trouble(`did not end within ${endsWithin} ms of ${signal}`)
  }

  /** An error that has the program's own words. */
  trouble(what: string): Error {
    return new Error(`${this.name} ${what}:\n${this.#failure?.message ?? this.#output}`)
  }
}
