import { useEffect, useState } from 'react'
import { askedLevel } from '../address.ts'
import type { Feed } from '../feed.ts'
import type { Me } from '../me.ts'
import { moment, zone } from '../record/time.ts'
import { count } from './count.ts'
import { statusWords, watchersWords } from './statusWords.ts'
import { useFeed } from './useFeed.ts'

interface StatusLineProps {
  feed: Feed
  me: Me | undefined
  channel: string
}

/** What is true now about the stream, always in sight. */
export function StatusLine({ feed, me, channel }: StatusLineProps) {
  const view = useFeed(feed)
  const now = useSeconds(view.state.kind === 'waiting')
  // The clock stands still while nothing counts down, so the view may be the newer one.
  const words = statusWords(view.state, Math.max(now, view.at))
  const level = askedLevel(location.search)
  const kept = view.kept < view.lines ? ` (newest ${view.kept.toLocaleString('en')} kept)` : ''
  return (
    <footer>
      <p role="status" data-testid="status" data-state={words.state} data-tone={words.tone}>
        <span className="sign" aria-hidden="true">
          {words.sign}
        </span>
        {words.text}
        {/* A number that changes all the time is for the eye only. */}
        {words.count !== '' && <span aria-hidden="true"> {words.count}</span>}
      </p>
      {/* It is there from the start, so that what comes into it is read aloud. */}
      <p role="status" data-testid="watchers" data-watchers={view.watchers}>
        {watchersWords(view.watchers)}
      </p>
      {view.state.kind === 'waiting' && (
        <button
          type="button"
          onClick={() => {
            feed.retry()
          }}
        >
          Try now
        </button>
      )}
      <p className="facts">
        <span data-testid="line-count" data-lines={view.lines}>
          {count(view.lines, 'line')}
          {kept}
        </span>
        <span data-testid="begins">
          {view.begins === undefined
            ? 'no lines yet'
            : `history begins ${moment(view.begins, view.at)} ${zone(new Date(view.begins))}`}
        </span>
        {level !== undefined && <span data-testid="level">{`only ${level} and above`}</span>}
        <span className="wide">{[me?.name, channel].filter(Boolean).join(' on ')}</span>
      </p>
    </footer>
  )
}

/** The time, each second while something counts down. */
function useSeconds(running: boolean): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => {
      setNow(Date.now())
    }, 250)
    return () => {
      clearInterval(timer)
    }
  }, [running])
  return now
}
