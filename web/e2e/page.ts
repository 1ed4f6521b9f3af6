import { readFile } from 'node:fs/promises'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { parseSaved, type Saved } from './saved.ts'
import { rowsInView } from './screen.ts'
import type { Seen, Witness } from './witness.ts'

const soon = 15_000

/** The gateway's pages as a reader uses them. */
export class LogPage {
  readonly page: Page
  readonly #base: string
  readonly #witness: Witness

  constructor(page: Page, base: string, witness: Witness) {
    this.page = page
    this.#base = base
    this.#witness = witness
    page.setDefaultTimeout(soon)
  }

  /** Goes to an address below the gateway's own. */
  async open(path = ''): Promise<void> {
    await this.page.goto(new URL(path, this.#base).href)
  }

  /** Fills in the login page, which must be there. */
  async signIn(name: string, password: string): Promise<void> {
    await this.page.getByLabel('Name').fill(name)
    await this.page.getByLabel('Password').fill(password)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  async signOut(): Promise<void> {
    await this.page.getByRole('button', { name: 'Sign out' }).click()
  }

  /** Waits for the login page. */
  async atLogin(): Promise<void> {
    await this.page.getByRole('button', { name: 'Sign in' }).waitFor()
  }

  get status(): Locator {
    return this.page.getByTestId('status')
  }

  get resumeButton(): Locator {
    return this.page.getByTestId('resume')
  }

  /** Waits until the status line says the state. */
  async reaches(state: string): Promise<void> {
    await expect.poll(() => this.status.getAttribute('data-state'), { timeout: soon }).toBe(state)
  }

  /** All states that the status line has had. */
  get states(): Seen[] {
    return this.#witness.states(this.page)
  }

  /** The latest lines as a screen reader gets them, oldest first. */
  async lines(): Promise<string[]> {
    return this.page.getByTestId('lines').getByRole('listitem').allInnerTexts()
  }

  /** Waits until one of the latest lines has the text. */
  async shows(text: string): Promise<void> {
    await expect.poll(() => this.lines()).toContainEqual(expect.stringContaining(text))
  }

  /** Waits until the terminal's rows in view have the words. */
  async draws(words: RegExp): Promise<void> {
    await expect.poll(async () => (await rowsInView(this.page)).join('\n')).toMatch(words)
  }

  /** Waits until the terminal follows the newest line, or holds still. */
  async follows(following: boolean): Promise<void> {
    const terminal = this.page.getByTestId('terminal')
    await expect.poll(() => terminal.getAttribute('data-following')).toBe(String(following))
  }

  /** How many lines have come since the page was opened. */
  async lineCount(): Promise<number> {
    return Number(await this.page.getByTestId('line-count').getAttribute('data-lines'))
  }

  /** Waits until so many lines have come since the page was opened. */
  async hasLines(count: number, timeout = 30_000): Promise<void> {
    await expect.poll(() => this.lineCount(), { timeout }).toBeGreaterThanOrEqual(count)
  }

  /** Saves the lines as a reader does, and reads the file. */
  async saved(): Promise<Saved[]> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.page.getByRole('button', { name: 'Save lines' }).click(),
    ])
    return parseSaved(await readFile(await download.path(), 'utf8'))
  }
}
