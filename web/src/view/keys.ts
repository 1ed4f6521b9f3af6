/** What keys can do with the terminal. */
export interface Scrollable {
  resume(): void
  togglePause(): void
  scrollPages(pages: number): void
  scrollLines(lines: number): void
  scrollToTop(): void
}

const keys: Record<string, (screen: Scrollable) => void> = {
  End: (screen) => {
    screen.resume()
  },
  G: (screen) => {
    screen.resume()
  },
  Home: (screen) => {
    screen.scrollToTop()
  },
  g: (screen) => {
    screen.scrollToTop()
  },
  ' ': (screen) => {
    screen.togglePause()
  },
  PageUp: (screen) => {
    screen.scrollPages(-1)
  },
  PageDown: (screen) => {
    screen.scrollPages(1)
  },
  ArrowUp: (screen) => {
    screen.scrollLines(-1)
  },
  ArrowDown: (screen) => {
    screen.scrollLines(1)
  },
}

/** Acts on a key of the page; true if it was one. */
export function handleKey(event: KeyboardEvent, screen: Scrollable, help: () => void): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false
  if (!isOurs(event)) return false
  if (event.key === '?') {
    help()
    return true
  }
  const act = keys[event.key]
  if (!act) return false
  act(screen)
  return true
}

// A control, a dialog and the list of text have keys of their own.
function isOurs({ target }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return true
  if (target.closest('.xterm')) return true
  return target.closest('button, a, input, select, textarea, dialog, #latest') === null
}
