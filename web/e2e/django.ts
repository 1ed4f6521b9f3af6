import { appendFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import { bareEnvironment } from './gateway.ts'
import { Program } from './program.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const example = join(repository, 'examples/django')
const users = `
from django.contrib.auth.models import User
for name in "alice", "bob":
    User.objects.create_user(name, password="correct horse")`

/** A Django project as django-admin starts it, with what the example's README says to paste. */
export class Django {
  readonly url: string
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  #python = ''
  #server: Program | undefined

  private constructor(port: number, folder: string, redis: string) {
    this.url = `http://127.0.0.1:${port}/`
    this.#folder = folder
    this.#env = { ...bareEnvironment(), REDIS_URL: redis, PYTHONDONTWRITEBYTECODE: '1' }
  }

  /** Starts one, gone after the test, that lets people go back to a gateway. */
  static async start(port: number, redis: string, gateway: string): Promise<Django> {
    const folder = await mkdtemp(join(tmpdir(), 'loglane-django-'))
    const django = new Django(port, folder, redis)
    onTestFinished(async () => {
      await django.#server?.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    })
    await django.#make(new URL(gateway).host)
    await django.#serve()
    return django
  }

  get output(): string {
    return this.#server?.output ?? ''
  }

  async #make(gateway: string): Promise<void> {
    this.#python = await findPython()
    await this.#run('-m', 'django', 'startproject', 'site_', this.#folder)
    await cp(join(repository, 'internal/e2e/testdata/django'), this.#folder, { recursive: true })
    await cp(join(example, 'loglane_django.py'), join(this.#folder, 'loglane_django.py'))
    const readme = await readFile(join(example, 'README.md'), 'utf8')
    await this.#append('settings.py', 'import os', block(readme, 'MIDDLEWARE'), 'INSTALLED_APPS += ["orders"]')
    await this.#append(
      'urls.py',
      'from django.urls import include',
      block(readme, 'import whoami'),
      block(readme, 'success_url_allowed_hosts').replaceAll('127.0.0.1:8080', gateway),
      'urlpatterns += [path("", include("orders.urls"))]',
    )
    await this.#manage('migrate', '--verbosity', '0')
    await this.#manage('shell', '-c', users)
  }

  async #serve(): Promise<void> {
    const { host } = new URL(this.url)
    const manage = join(this.#folder, 'manage.py')
    const server = new Program(this.#python, [manage, 'runserver', '--noreload', host], { env: this.#env })
    this.#server = server
    await vi.waitFor(
      async () => {
        if (!server.running) throw server.trouble('ended')
        await fetch(`${this.url}whoami/`)
      },
      { timeout: 30_000, interval: 50 },
    )
  }

  async #append(file: string, ...lines: string[]): Promise<void> {
    await appendFile(join(this.#folder, 'site_', file), `\n${lines.join('\n')}\n`)
  }

  async #manage(...args: string[]): Promise<void> {
    await this.#run(join(this.#folder, 'manage.py'), ...args)
  }

  async #run(...args: string[]): Promise<void> {
    await new Program(this.#python, args, { env: this.#env }).succeed()
  }
}

/** The one Python block of a page that has the words. */
function block(page: string, words: string): string {
  const blocks = [...page.matchAll(/^```python\n(.*?)^```$/gms)].map(([, text]) => text ?? '')
  const found = blocks.filter((text) => text.includes(words))
  if (found.length !== 1) throw new Error(`the README has ${found.length} blocks with ${words}`)
  return found[0] ?? ''
}

/** A Python that has Django and the redis package. */
async function findPython(): Promise<string> {
  for (const path of ['python3', '/usr/bin/python3']) {
    const found = await new Program(path, ['-c', 'import django, redis']).succeed().then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  throw new Error('no Python has Django and redis: run ci/setup.sh')
}
