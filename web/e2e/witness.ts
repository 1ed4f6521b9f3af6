import type { BrowserContext, Page } from 'playwright-core'

/** What the page's status line said, and since when, Unix ms. */
export interface Seen {
  state: string
  words: string
  at: number
}

// What the browser itself says of a request that failed; tests let many of them fail.
const requestFailed = 'Failed to load resource:'

/**
 * Sees everything on the pages of a context that passes by too fast to be asked for: the
 * states of the status line, and what should never be: violations of the content policy,
 * errors on the console, errors that nobody caught.
 */
export class Witness {
  readonly complaints: string[] = []
  readonly #states = new WeakMap<Page, Seen[]>()

  static async of(context: BrowserContext): Promise<Witness> {
    const witness = new Witness()
    await context.exposeBinding('loglaneTestState', ({ page }, seen: Seen) => {
      witness.states(page).push(seen)
    })
    await context.exposeBinding('loglaneTestComplaint', (_, words: string) => {
      witness.complaints.push(words)
    })
    await context.addInitScript(watch)
    context.on('console', (message) => {
      const text = message.text()
      if (message.type() !== 'error' || text.startsWith(requestFailed)) return
      witness.complaints.push(`console: ${text}`)
    })
    context.on('weberror', (error) => {
      witness.complaints.push(`uncaught: ${error.error().message}`)
    })
    return witness
  }

  /** All states of a page so far, also those before it went elsewhere. */
  states(page: Page): Seen[] {
    let states = this.#states.get(page)
    if (!states) {
      states = []
      this.#states.set(page, states)
    }
    return states
  }
}

interface Bindings {
  loglaneTestState(seen: Seen): Promise<void>
  loglaneTestComplaint(words: string): Promise<void>
}

// Runs in the page, before its own scripts.
function watch(): void {
  const bindings = globalThis as unknown as Bindings
  let last: string | undefined
  new MutationObserver(() => {
    const status = document.querySelector<HTMLElement>('[data-testid="status"]')
    const state = status?.dataset['state']
    if (!status || state === undefined || state === last) return
    last = state
    void bindings.loglaneTestState({ state, words: status.innerText, at: Date.now() })
  }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] })
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile }) => {
    void bindings.loglaneTestComplaint(
      `content policy: ${effectiveDirective} blocked ${blockedURI} in ${sourceFile}`,
    )
  })
}
