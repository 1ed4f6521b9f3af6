import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { openBrowser } from './browser.ts'
import { LogPage } from './page.ts'
import { Witness } from './witness.ts'

/** What programs wrote, by their names. */
export type Logs = () => Record<string, string>

/**
 * People with browsers of their own before one gateway, for the test that runs. At its
 * end it fails if one of their pages has complained; of a failed test it keeps for a
 * person what was to be seen, and says where.
 */
export class Readers {
  readonly url: string
  readonly #witnesses = new Map<BrowserContext, Witness>()

  constructor(url: string, logs: Logs) {
    this.url = url
    onTestFinished(async ({ task }) => {
      const complaints = [...this.#witnesses.values()].flatMap((witness) => witness.complaints)
      const failed = task.result?.state === 'fail' || complaints.length > 0
      if (failed) await this.#keepTraces(task.name, logs())
      for (const context of this.#witnesses.keys()) await context.close()
      expect(complaints).toEqual([])
    })
  }

  /** Somebody's browser, with nobody signed in. */
  async browser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await (await openBrowser()).newContext(options)
    this.#witnesses.set(context, await Witness.of(context))
    return context
  }

  /** A new tab of a browser; of a new one if none is given. */
  async tab(context?: BrowserContext): Promise<LogPage> {
    const owner = context ?? (await this.browser())
    const witness = this.#witnesses.get(owner)
    if (!witness) throw new Error('the browser is not one of these readers')
    return new LogPage(await owner.newPage(), this.url, witness)
  }

  async #keepTraces(name: string, logs: Record<string, string>): Promise<void> {
    const folder = join(await mkdtemp(join(tmpdir(), 'loglane-e2e-')), name.replace(/\W+/g, '-'))
    await mkdir(folder)
    const pages = [...this.#witnesses.keys()].flatMap((context) => context.pages())
    // A page that hangs has no picture, and the others are of use all the same.
    await Promise.allSettled(pages.map((page, i) => keepPage(page, join(folder, `page-${i + 1}`))))
    for (const [program, log] of Object.entries(logs)) {
      await writeFile(join(folder, `${program}.log`), log)
    }
    process.stderr.write(`what was to be seen: ${folder}\n`)
  }
}

async function keepPage(page: Page, path: string): Promise<void> {
  await writeFile(`${path}.url`, `${page.url()}\n`)
  await page.screenshot({ path: `${path}.png`, timeout: 5_000 })
}
