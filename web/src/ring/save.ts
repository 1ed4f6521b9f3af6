import { oneLine, parseObject } from '../record/record.ts'
import type { Entry } from './entry.ts'
import type { Ring } from './ring.ts'

/** One entry as a line of NDJSON, in the form of the stream's own NDJSON answer. */
export function ndjson(entry: Entry): string {
  switch (entry.kind) {
    case 'line': {
      const { id, data } = entry.line
      // An object goes out as it came: parsing would round its large numbers.
      const record = parseObject(data) ? oneLine(data) : JSON.stringify({ message: data })
      const place = id === undefined ? '' : `"id":${JSON.stringify(id)},`
      return `{${place}"record":${record}}`
    }
    case 'gap': {
      const { id, reason, missed } = entry.gap
      return JSON.stringify({ event: 'gap', id, data: { reason, missed } })
    }
    case 'notice':
      return JSON.stringify({ event: 'notice', data: { text: entry.text } })
  }
}

/** Everything that the ring keeps, one line each. */
export function ndjsonOf(ring: Ring): string[] {
  return Array.from(ring.from(ring.start), (entry) => `${ndjson(entry)}\n`)
}

/** A file name that says what is inside and when it was saved. */
export function fileName(channel: string, now: Date): string {
  const safe = channel.replace(/[^A-Za-z0-9._-]+/g, '_') || 'log'
  const stamp = now.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')
  return `loglane-${safe}-${stamp}.ndjson`
}

/** Lets the browser save the text. */
export function download(name: string, parts: string[]): void {
  const address = URL.createObjectURL(new Blob(parts, { type: 'application/x-ndjson' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken hold of the data once the click is handled, but not before.
  setTimeout(() => {
    URL.revokeObjectURL(address)
  }, 10_000)
}
