import { parseCursor } from '../stream/cursor.ts'
import type { Gap, Line } from '../stream/types.ts'

/** One thing to show: a line, a gap between lines, or a word of the page itself. */
export type Content =
  | { kind: 'line'; line: Line; error: boolean }
  | { kind: 'gap'; gap: Gap }
  | { kind: 'notice'; text: string }

/** A content with its place in this page. */
export type Entry = Content & {
  /** Counts up by one from 0; the ring's address of the entry. */
  seq: number
  /** Lines and error lines up to and with this one, since the page was opened. */
  lines: number
  errors: number
  /** When it came here, Unix ms. */
  at: number
}

/** When a line was stored, by the broker's clock; when it came, for one without a place. */
export function storedAt(entry: Entry & { kind: 'line' }): number {
  const place = entry.line.id === undefined ? undefined : parseCursor(entry.line.id)
  return place && place.ms > 0 ? place.ms : entry.at
}
