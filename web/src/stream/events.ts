import type { EventSourceMessage } from 'eventsource-parser'
import type { Gap } from './types.ts'

/** The object in an event's data, or an empty one where it is none. */
function fields(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** A string member of an event's data. */
export function member(data: string, name: string): string | undefined {
  const value = fields(data)[name]
  return typeof value === 'string' ? value : undefined
}

/** How many watch, of a watch event; what cannot be read counts as nobody. */
export function asWatchers(data: string): number {
  const count = fields(data)['watchers']
  return typeof count === 'number' && count > 0 ? Math.floor(count) : 0
}

/** Reads a gap event; what cannot be read counts as not known. */
export function asGap(event: EventSourceMessage): Gap {
  const missed = fields(event.data)['missed']
  return {
    ...(event.id === undefined ? {} : { id: event.id }),
    reason: member(event.data, 'reason') ?? 'unknown',
    missed: typeof missed === 'number' ? missed : null,
  }
}
