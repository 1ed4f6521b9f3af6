import { useEffect, useRef, useState } from 'react'
import type { Feed } from '../feed.ts'
import { count } from './count.ts'

// Often enough to follow, seldom enough to hear something else in between.
const every = 5_000

/** Tells a screen reader, politely and seldom, what came. */
export function Announcer({ feed }: { feed: Feed }) {
  const [words, setWords] = useState('')
  const told = useRef({ lines: 0, errors: 0 })
  useEffect(() => {
    const timer = setInterval(() => {
      const { lines, errors } = feed.ring
      const newLines = lines - told.current.lines
      const newErrors = errors - told.current.errors
      told.current = { lines, errors }
      if (newLines === 0) return
      setWords(
        newErrors === 0
          ? count(newLines, 'new line')
          : `${count(newLines, 'new line')}, ${count(newErrors, 'error')}`,
      )
    }, every)
    return () => {
      clearInterval(timer)
    }
  }, [feed])
  return (
    <p className="unseen" aria-live="polite" data-testid="announcer">
      {words}
    </p>
  )
}
