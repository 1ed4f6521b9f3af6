import { memo, type FocusEvent } from 'react'
import { manyContexts } from '../address.ts'
import type { Feed } from '../feed.ts'
import type { Entry } from '../ring/entry.ts'
import { parseCursor } from '../stream/cursor.ts'
import { entryText } from '../vt/text.ts'
import { useFeed } from './useFeed.ts'

/**
 * The latest lines as real text: the terminal's rows are hidden from screen readers. It
 * comes to sight when it has the focus.
 */
export function Latest({ feed }: { feed: Feed }) {
  const view = useFeed(feed)
  const entries = view.latest
  return (
    <section
      className="latest"
      id="latest"
      tabIndex={0}
      aria-label="Latest lines as text"
      onFocus={toNewest}
    >
      <ol data-testid="lines">
        {entries.map((entry) => (
          <Item key={entry.seq} entry={entry} />
        ))}
      </ol>
    </section>
  )
}

function toNewest({ currentTarget }: FocusEvent<HTMLElement>): void {
  currentTarget.scrollTop = currentTarget.scrollHeight
}

const Item = memo(function Item({ entry }: { entry: Entry }) {
  const text = entryText(entry, manyContexts(location.search))
  if (entry.kind !== 'line') return <li data-kind={entry.kind}>{text}</li>
  const { id } = entry.line
  const src = id === undefined ? undefined : parseCursor(id)?.src
  return (
    <li data-kind="line" data-id={id} data-src={src}>
      {text}
    </li>
  )
})
