import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { Accounts, type Role } from './accounts.ts'
import { Gateway } from './gateway.ts'
import type { LogPage } from './page.ts'
import { Publisher, type Numbered } from './publisher.ts'
import { Readers } from './readers.ts'
import { Redis } from './redis.ts'

export interface StageOptions {
  users?: Record<string, Role>
  /** Further flags of the gateway. */
  gateway?: string[]
}

/** A Redis, a gateway and its readers, all gone after the test. */
export class Stage extends Readers {
  readonly redis: Redis
  readonly gateway: Gateway
  readonly accounts: Accounts

  constructor(redis: Redis, gateway: Gateway, accounts: Accounts) {
    super(gateway.url, () => ({ gateway: gateway.output, redis: redis.output }))
    this.redis = redis
    this.gateway = gateway
    this.accounts = accounts
  }

  /** Signs a user in, in a browser of their own, and waits for the live stream. */
  async reader(name: string, options: BrowserContextOptions = {}, path = ''): Promise<LogPage> {
    const tab = await this.tab(await this.browser(options))
    await tab.open(path)
    await tab.signIn(name, this.accounts.password(name))
    await tab.reaches('connected')
    return tab
  }

  /** Starts publishing; the program ends once all lines are acknowledged. */
  publishing(lines: Numbered): Publisher {
    const publisher = new Publisher(this.redis.url, lines)
    onTestFinished(() => publisher.kill())
    return publisher
  }

  /** Publishes, and waits until all lines are acknowledged. */
  async publish(lines: Numbered): Promise<void> {
    await this.publishing(lines).finish()
  }

  /** The keys of the sessions that Redis knows, without its lists of whose they are. */
  async sessions(): Promise<string[]> {
    const keys = await this.redis.command('KEYS', 'loglane:session:*')
    return keys.split('\n').filter((key) => key !== '' && !key.startsWith('loglane:session:of:'))
  }
}

/** Opens a stage for the test that runs. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'loglane-users-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const accounts = new Accounts(join(folder, 'users.txt'))
  const users = options.users ?? { alice: 'viewer' }
  for (const [name, role] of Object.entries(users)) await accounts.add(name, role)

  const redis = await Redis.start()
  onTestFinished(() => redis.remove())
  const gateway = await Gateway.start([
    ...['--redis-url', redis.url, '--auth-file', accounts.file],
    ...(options.gateway ?? []),
  ])
  onTestFinished(() => gateway.end('SIGKILL'))
  return new Stage(redis, gateway, accounts)
}
