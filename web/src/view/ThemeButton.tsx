import { useState } from 'react'
import { nextTheme, storedTheme, storeTheme } from '../theme.ts'

export function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme)
  const change = () => {
    const next = nextTheme(theme)
    storeTheme(next)
    setTheme(next)
  }
  return (
    <button type="button" onClick={change} data-testid="theme" title="Change the theme">
      <span className="wide">Theme: </span>
      {theme}
    </button>
  )
}
