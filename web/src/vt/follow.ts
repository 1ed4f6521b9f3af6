/** Why the view holds still. */
export type Hold = 'scroll' | 'selection' | 'press' | 'pause'

/**
 * Decides whether the view follows the newest line. At the bottom it follows; scrolling
 * up, a selection, a pressed mouse button or the reader's wish hold it.
 */
export class Follow {
  readonly #changed: () => void
  readonly #holds = new Set<Hold>()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  get following(): boolean {
    return this.#holds.size === 0
  }

  /** Whether nothing but having scrolled up holds the view: the reader may go on below. */
  get reading(): boolean {
    return this.#holds.size === 1 && this.#holds.has('scroll')
  }

  /** Whether the reader asked for the pause, so that reaching the bottom does not end it. */
  get paused(): boolean {
    return this.#holds.has('pause')
  }

  /** The reader scrolled, to the last row of everything there is or to somewhere above it. */
  scrolled(atEnd: boolean): void {
    this.#set('scroll', !atEnd)
  }

  selected(some: boolean): void {
    this.#set('selection', some)
  }

  pressed(down: boolean): void {
    this.#set('press', down)
  }

  pause(on: boolean): void {
    this.#set('pause', on)
  }

  /** The reader wants the newest line, whatever held the view. */
  resume(): void {
    if (this.#holds.size === 0) return
    this.#holds.clear()
    this.#changed()
  }

  #set(hold: Hold, on: boolean): void {
    if (this.#holds.has(hold) === on) return
    if (on) this.#holds.add(hold)
    else this.#holds.delete(hold)
    this.#changed()
  }
}
