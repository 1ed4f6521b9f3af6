import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { binary } from './binary.ts'
import { bareEnvironment } from './gateway.ts'
import type { LogPage } from './page.ts'
import { freePort } from './port.ts'
import { Program } from './program.ts'
import { Readers } from './readers.ts'

const firstLineLimit = 5_000

/** `loglane demo` and its readers. */
class Demo extends Readers {
  /** Where it keeps what it needs while it runs. */
  readonly folder: string
  readonly #addr: string
  #program: Program | undefined

  constructor(addr: string, folder: string) {
    super(`http://${addr}/`, () => ({ demo: this.#program?.output ?? '' }))
    this.#addr = addr
    this.folder = folder
    onTestFinished(() => this.#program?.end('SIGKILL'))
  }

  static async prepare(): Promise<Demo> {
    const folder = await mkdtemp(join(tmpdir(), 'loglane-e2e-demo-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    return new Demo(`127.0.0.1:${await freePort()}`, folder)
  }

  start(): void {
    const env = { ...bareEnvironment(), TMPDIR: this.folder }
    this.#program = new Program(binary('LOGLANE_BIN'), ['demo', '--addr', this.#addr], { env })
  }

  /** Ends it as Ctrl-C does, and fails unless that went well. */
  async end(): Promise<void> {
    await this.#program?.end('SIGINT')
    await this.#program?.succeed()
  }

  /** Signs in with the password that the demo has printed, once it has. */
  async signIn(tab: LogPage, name: string): Promise<void> {
    const line = new RegExp(`^ *${name} +password (\\S+)`, 'm')
    const password = () => line.exec(this.#program?.output ?? '')?.[1]
    await expect.poll(password).toBeDefined()
    await tab.open()
    await tab.signIn(name, password() ?? '')
  }
}

/** Whose lines a tab has. */
async function contexts(tab: LogPage): Promise<string[]> {
  const saved = await tab.saved()
  return [...new Set(saved.map(({ record }) => record?.context ?? 'nobody'))]
}

test('the demo shows each of its users the lines of the shop about them', async () => {
  const demo = await Demo.prepare()
  const alice = await demo.tab()
  const bob = await demo.tab()

  const begin = Date.now()
  demo.start()
  await demo.signIn(alice, 'alice')
  await alice.hasLines(1)
  expect(Date.now() - begin, 'ms to the first line').toBeLessThan(firstLineLimit)

  await demo.signIn(bob, 'bob')
  await bob.hasLines(5)
  await alice.hasLines(5)
  expect(await contexts(alice)).toEqual(['User.alice'])
  expect(await contexts(bob)).toEqual(['User.bob'])
  await demo.end()
  expect(await readdir(demo.folder), 'nothing was to stay').toEqual([])
})

test('what a user does in the shop is on their page, and on no other', async () => {
  const demo = await Demo.prepare()
  demo.start()
  const alice = await demo.tab()
  await demo.signIn(alice, 'alice')
  const bob = await demo.tab()
  await demo.signIn(bob, 'bob')
  await bob.hasLines(1)

  const shop = await demo.tab(alice.page.context())
  await shop.open('shop/no-such-shelf')
  await alice.shows('no-such-shelf')
  await bob.hasLines((await bob.lineCount()) + 1)
  expect((await bob.lines()).join('\n')).not.toContain('no-such-shelf')
})
