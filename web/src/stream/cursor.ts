const shape = /^[^.]+\.\d+\.((\d+)-\d+)(?:\.([A-Za-z0-9_-]+))?$/

/** The parts of an event id, `<epoch>.<n>.<ms>-<seq>[.<src>]`. */
export interface Place {
  /** `<ms>-<seq>` of the entry. */
  entry: string
  /** The broker's clock when the entry was stored, Unix ms; 0 for an empty channel. */
  ms: number
  /** The identity of a line across a resend. */
  src: string | undefined
}

/** Takes an id apart; undefined where it has another shape. */
export function parseCursor(id: string): Place | undefined {
  const found = shape.exec(id)
  if (!found) return undefined
  return { entry: found[1] ?? '', ms: Number(found[2]), src: found[3] }
}

/**
 * What makes a line the same line when it comes again: its src, for a line without
 * one its entry, and for an id of an unknown shape the whole id.
 */
export function identity(id: string): string {
  const place = parseCursor(id)
  if (!place) return `id ${id}`
  return place.src === undefined ? `entry ${place.entry}` : `src ${place.src}`
}
