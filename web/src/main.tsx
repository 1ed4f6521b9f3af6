import '@xterm/xterm/css/xterm.css'
import './styles/theme.css'
import './styles/terminal.css'
import { createRoot } from 'react-dom/client'
import { streamUrl } from './address.ts'
import { Feed } from './feed.ts'
import { basePath, goToLogin } from './page.ts'
import { applyTheme, storedTheme } from './theme.ts'
import { App } from './view/App.tsx'

applyTheme(storedTheme())

const feed = new Feed({
  url: streamUrl(basePath(), location.search),
  unauthorized: goToLogin,
})

addEventListener('online', () => {
  feed.wake()
})
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') feed.wake()
})
// A page that comes back from the browser's cache of pages has lost its connection.
addEventListener('pageshow', () => {
  feed.wake()
})

feed.start()

const root = document.getElementById('root')
if (root) createRoot(root).render(<App feed={feed} />)
