export type Theme = 'system' | 'light' | 'dark'

const key = 'loglane-theme'
const order: Theme[] = ['system', 'light', 'dark']

/** The reader's choice, kept in the browser. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(key)
  return order.find((theme) => theme === stored) ?? 'system'
}

/** Shows the page in a theme; the style sheet does the rest. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

export function storeTheme(theme: Theme): void {
  localStorage.setItem(key, theme)
  applyTheme(theme)
}

export function nextTheme(theme: Theme): Theme {
  return order[(order.indexOf(theme) + 1) % order.length] ?? 'system'
}
