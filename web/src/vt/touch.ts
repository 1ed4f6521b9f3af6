import type { Terminal } from '@xterm/xterm'

/** Scrolls the terminal with a finger, which xterm does not. Returns what ends it. */
export function panByTouch(host: HTMLElement, terminal: Terminal): () => void {
  let last: number | undefined
  let rest = 0
  const start = (event: TouchEvent) => {
    last = event.touches.length === 1 ? event.touches[0]?.clientY : undefined
    rest = 0
  }
  const move = (event: TouchEvent) => {
    const y = event.touches[0]?.clientY
    if (last === undefined || y === undefined) return
    rest += last - y
    last = y
    const rowHeight = host.clientHeight / terminal.rows
    const lines = Math.trunc(rest / rowHeight)
    if (lines === 0) return
    rest -= lines * rowHeight
    terminal.scrollLines(lines)
    if (event.cancelable) event.preventDefault()
  }
  host.addEventListener('touchstart', start, { passive: true })
  host.addEventListener('touchmove', move, { passive: false })
  return () => {
    host.removeEventListener('touchstart', start)
    host.removeEventListener('touchmove', move)
  }
}
