import { FitAddon } from '@xterm/addon-fit'
import { Terminal, type IDisposable } from '@xterm/xterm'
import type { Ring } from '../ring/ring.ts'
import { Days } from './days.ts'
import { Follow } from './follow.ts'
import { palette } from './palette.ts'
import { allowSpanStyles, withNonce } from './policy.ts'
import { Pump, type Chunk, type Tally } from './pump.ts'
import { rows, rule } from './rows.ts'
import { panByTouch } from './touch.ts'

const scrollback = 10_000
// While held, this many entries are fetched when the reader comes near the end.
const page = 200
const narrow = 64

const hideCursor = '\u001b[?25l'

export interface ScreenStatus {
  following: boolean
  paused: boolean
  newLines: number
  newErrors: number
}

export interface ScreenOptions {
  host: HTMLElement
  ring: Ring
  /** What the content policy lets style elements pass by. */
  nonce: string
  /** Lines say whose they are. */
  contexts: boolean
  report: (status: ScreenStatus) => void
}

/** The terminal on the page: a window on the ring that follows or holds still. */
export class Screen {
  readonly #host: HTMLElement
  readonly #ring: Ring
  readonly #terminal: Terminal
  readonly #fit = new FitAddon()
  readonly #pump: Pump
  readonly #follow: Follow
  readonly #contexts: boolean
  readonly #report: (status: ScreenStatus) => void
  readonly #cleanup: (() => void)[] = []
  // What had been shown when the view was held; undefined while it follows.
  #held: Tally | undefined
  #frame: number | undefined
  #writing = false
  #stale = false
  #empty = true
  #compact = false
  #days = new Days(Date.now())

  constructor({ host, ring, nonce, contexts, report }: ScreenOptions) {
    this.#host = host
    this.#ring = ring
    this.#contexts = contexts
    this.#report = report
    this.#pump = new Pump(ring)
    this.#follow = new Follow(() => {
      this.#followChanged()
    })
    this.#terminal = new Terminal({
      disableStdin: true,
      convertEol: true,
      scrollback,
      minimumContrastRatio: 4.5,
      cursorInactiveStyle: 'none',
      fontFamily: getComputedStyle(host).fontFamily,
      fontSize: parseFloat(getComputedStyle(host).fontSize),
      theme: palette(host),
      // Log text must not become a link that says one thing and opens another.
      linkHandler: { activate: () => undefined },
      smoothScrollDuration: 0,
    })
    allowSpanStyles()
    withNonce(nonce, () => {
      this.#terminal.loadAddon(this.#fit)
      this.#terminal.open(host)
    })
    this.#dressForReaders()
    this.#listen()
    this.resize()
    this.#terminal.write(hideCursor)
    this.#pump.rewind(scrollback)
    this.wake()
  }

  /** New entries are in the ring. */
  wake(): void {
    this.#tell()
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#step()
    })
  }

  /** Follows again, from the newest line. */
  resume(): void {
    this.#terminal.clearSelection()
    this.#follow.resume()
    this.#terminal.scrollToBottom()
  }

  togglePause(): void {
    if (this.#follow.following) this.#follow.pause(true)
    else this.resume()
  }

  scrollPages(pages: number): void {
    this.#terminal.scrollPages(pages)
  }

  scrollLines(lines: number): void {
    this.#terminal.scrollLines(lines)
  }

  scrollToTop(): void {
    this.#terminal.scrollToTop()
  }

  /** The host changed its size. */
  resize(): void {
    this.#fit.fit()
    const compact = this.#terminal.cols < narrow
    if (compact !== this.#compact) {
      this.#compact = compact
      this.redraw()
    }
  }

  /** The style sheet has other colours now. */
  recolour(): void {
    this.#terminal.options.theme = palette(this.#host)
  }

  /** Writes everything again, from the ring. */
  redraw(): void {
    if (this.#empty) return
    // xterm's reset leaves alone what is still on its way, which would come out on top.
    this.#stale = this.#writing
    if (this.#stale) return
    this.#terminal.reset()
    this.#terminal.write(hideCursor)
    this.#empty = true
    this.#days = new Days(Date.now())
    this.#pump.rewind(scrollback)
    this.#follow.resume()
    this.wake()
  }

  dispose(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    for (const end of this.#cleanup) end()
    this.#terminal.dispose()
  }

  #step(): void {
    if (this.#writing || this.#pump.behind === 0) return
    if (this.#follow.following) this.#write(this.#pump.take())
    else if (this.#follow.reading && this.#nearEnd()) this.#writeBelow()
  }

  // One chunk in flight, so that xterm's own buffer stays small and the page answers.
  #write({ entries, skipped, kept }: Chunk, then?: () => void): void {
    const style = { cols: this.#terminal.cols, compact: this.#compact, contexts: this.#contexts }
    const parts = entries.flatMap((entry) => {
      const day = this.#days.beginning(entry)
      const text = rows(entry, style)
      return day === undefined ? [text] : [rule(day, '90', style.cols), text]
    })
    parts.unshift(...kept.map((entry) => rows(entry, style)))
    if (skipped > 0) parts.unshift(rule(`skipped ${skipped} lines in this view`, '1;33', style.cols))
    if (parts.length === 0) return
    // The break goes before a row, not after it: else the last row would always be empty.
    const text = (this.#empty ? '' : '\r\n') + parts.join('\r\n')
    this.#empty = false
    this.#writing = true
    this.#terminal.write(text, () => {
      this.#writing = false
      then?.()
      if (this.#stale) this.redraw()
      this.wake()
    })
  }

  // The reader has scrolled down to the end of what was drawn when the view was held: draw
  // the next lines below, and keep the row in place that is on top of the view.
  #writeBelow(): void {
    const buffer = this.#terminal.buffer.active
    const cursor = buffer.baseY + buffer.cursorY
    const marker = this.#terminal.registerMarker(buffer.viewportY - cursor)
    this.#write(this.#pump.take(page), () => {
      if (marker.line >= 0) this.#terminal.scrollToLine(marker.line)
      marker.dispose()
    })
  }

  #nearEnd(): boolean {
    const { baseY, viewportY } = this.#terminal.buffer.active
    return baseY - viewportY < this.#terminal.rows
  }

  #atEnd(): boolean {
    const { baseY, viewportY } = this.#terminal.buffer.active
    return viewportY >= baseY
  }

  #followChanged(): void {
    if (this.#follow.following) {
      this.#held = undefined
      this.#terminal.scrollToBottom()
    } else {
      this.#held ??= this.#pump.passed
    }
    this.wake()
  }

  #scrolled(): void {
    this.#follow.scrolled(this.#atEnd() && (this.#follow.following || this.#pump.behind === 0))
    if (this.#pump.behind > 0) this.wake()
  }

  #tell(): void {
    const { lines, errors } = this.#held ?? this.#ring
    this.#report({
      following: this.#follow.following,
      paused: this.#follow.paused,
      newLines: this.#ring.lines - lines,
      newErrors: this.#ring.errors - errors,
    })
  }

  #dressForReaders(): void {
    const input = this.#terminal.textarea
    // It takes focus for copying only; the region around it is the stop for the keyboard.
    input?.setAttribute('tabindex', '-1')
    input?.setAttribute('aria-label', 'Log')
    // The page has its own keys, and Tab must lead out of the terminal.
    this.#terminal.attachCustomKeyEventHandler(() => false)
  }

  #listen(): void {
    const keep = (subscription: IDisposable) => {
      this.#cleanup.push(() => {
        subscription.dispose()
      })
    }
    keep(
      this.#terminal.onScroll(() => {
        this.#scrolled()
      }),
    )
    keep(
      this.#terminal.onSelectionChange(() => {
        this.#follow.selected(this.#terminal.hasSelection())
      }),
    )
    this.#cleanup.push(
      panByTouch(this.#host, this.#terminal),
      on(this.#host, 'mousedown', () => {
        this.#follow.pressed(true)
      }),
      on(window, 'mouseup', () => {
        this.#follow.pressed(false)
      }),
    )
  }
}

function on(target: EventTarget, type: string, listener: () => void): () => void {
  target.addEventListener(type, listener)
  return () => {
    target.removeEventListener(type, listener)
  }
}
