import type { ITheme } from '@xterm/xterm'

const names = {
  background: '--term-bg',
  foreground: '--term-fg',
  selectionBackground: '--term-selection',
  scrollbarSliderBackground: '--term-slider',
  scrollbarSliderHoverBackground: '--term-slider-hover',
  scrollbarSliderActiveBackground: '--term-slider-hover',
  black: '--term-black',
  red: '--term-red',
  green: '--term-green',
  yellow: '--term-yellow',
  blue: '--term-blue',
  magenta: '--term-magenta',
  cyan: '--term-cyan',
  white: '--term-white',
  brightBlack: '--term-dim',
  brightRed: '--term-red',
  brightGreen: '--term-green',
  brightYellow: '--term-yellow',
  brightBlue: '--term-blue',
  brightMagenta: '--term-magenta',
  brightCyan: '--term-cyan',
  brightWhite: '--term-bright',
} satisfies ITheme

/** The terminal's colours, read from the style sheet so that they stand in one place. */
export function palette(host: HTMLElement): ITheme {
  const probe = document.createElement('i')
  probe.hidden = true
  host.append(probe)
  const theme: ITheme = {}
  for (const [key, variable] of Object.entries(names) as [keyof typeof names, string][]) {
    // Asking for `color` resolves light-dark(), which the bare variable would not.
    probe.style.color = `var(${variable})`
    theme[key] = getComputedStyle(probe).color
  }
  probe.remove()
  return theme
}
