import { useEffect, useRef, useState } from 'react'
import { manyContexts } from '../address.ts'
import type { Feed } from '../feed.ts'
import { meta } from '../page.ts'
import { plain } from '../record/visible.ts'
import { Screen, type ScreenStatus } from '../vt/screen.ts'
import { handleKey } from './keys.ts'
import { ResumeButton } from './ResumeButton.tsx'
import { statusWords } from './statusWords.ts'
import { useFeed } from './useFeed.ts'

interface ConsoleProps {
  feed: Feed
  channel: string
  onHelp: () => void
}

const start: ScreenStatus = { following: true, paused: false, newLines: 0, newErrors: 0 }

/** The terminal, with its keys and the way back to the newest line. */
export function Console({ feed, channel, onHelp }: ConsoleProps) {
  const host = useRef<HTMLDivElement>(null)
  const screen = useRef<Screen>(null)
  const [status, setStatus] = useState(start)
  const { lines, state } = useFeed(feed)

  useEffect(() => {
    if (!host.current) return
    const made = new Screen({
      host: host.current,
      ring: feed.ring,
      nonce: meta('nonce'),
      contexts: manyContexts(location.search),
      report: (next) => {
        setStatus((before) => (same(before, next) ? before : next))
      },
    })
    screen.current = made
    const unwatch = feed.watch(() => {
      made.wake()
    })
    const unstyle = watchStyle(() => {
      made.recolour()
    })
    const size = new ResizeObserver(() => {
      made.resize()
    })
    size.observe(host.current)
    return () => {
      unwatch()
      unstyle()
      size.disconnect()
      made.dispose()
      screen.current = null
    }
  }, [feed])

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (screen.current && handleKey(event, screen.current, onHelp)) event.preventDefault()
    }
    document.addEventListener('keydown', pressed)
    return () => {
      document.removeEventListener('keydown', pressed)
    }
  }, [onHelp])

  useEffect(() => {
    document.title = titleOf(channel, status)
  }, [channel, status])

  return (
    <section
      className="console"
      aria-label="Log terminal"
      tabIndex={0}
      data-testid="terminal"
      data-following={status.following}
    >
      <div ref={host} className="host" />
      {lines === 0 && state.kind === 'live' && (
        <p className="empty">No lines yet. They will appear here as they come.</p>
      )}
      {state.kind === 'forbidden' && (
        // Readers that hear the page have it from the status line.
        <p className="empty" aria-hidden="true">
          {statusWords(state, 0).text}
        </p>
      )}
      <ResumeButton status={status} onResume={() => screen.current?.resume()} />
    </section>
  )
}

function same(a: ScreenStatus, b: ScreenStatus): boolean {
  return (
    a.following === b.following &&
    a.paused === b.paused &&
    a.newLines === b.newLines &&
    a.newErrors === b.newErrors
  )
}

function titleOf(channel: string, { newLines }: ScreenStatus): string {
  const name = channel === '' ? 'Loglane' : `${plain(channel)} · Loglane`
  return newLines > 0 ? `(${newLines}) ${name}` : name
}

/** Calls back when the page's colours may have changed. */
function watchStyle(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const choice = new MutationObserver(changed)
  choice.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  system.addEventListener('change', changed)
  return () => {
    choice.disconnect()
    system.removeEventListener('change', changed)
  }
}
