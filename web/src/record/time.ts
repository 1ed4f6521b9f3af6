const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?([Zz]|[+-]\d{2}:?\d{2})$/

/** Reads a timestamp, RFC 3339 or a number told by its magnitude, into Unix ms. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'string') {
    if (!rfc3339.test(value)) return undefined
    const ms = Date.parse(value.replace(' ', 'T').replace(',', '.'))
    return Number.isNaN(ms) ? undefined : ms
  }
  // Nanoseconds do not fit a double and may come as a bigint; milliseconds do.
  if (typeof value === 'bigint') return parseTime(Number(value))
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return undefined
  if (value >= 1e17) return value / 1e6
  if (value >= 1e14) return value / 1e3
  if (value >= 1e11) return value
  return value * 1000
}

function pad(n: number, width: number): string {
  return String(n).padStart(width, '0')
}

/** HH:MM:SS in the reader's time zone. */
export function clock(ms: number): string {
  const t = new Date(ms)
  return `${pad(t.getHours(), 2)}:${pad(t.getMinutes(), 2)}:${pad(t.getSeconds(), 2)}`
}

/** HH:MM:SS.mmm in the reader's time zone. */
export function preciseClock(ms: number): string {
  return `${clock(ms)}.${pad(new Date(ms).getMilliseconds(), 3)}`
}

/** YYYY-MM-DD in the reader's time zone. */
export function day(ms: number): string {
  const t = new Date(ms)
  return `${pad(t.getFullYear(), 4)}-${pad(t.getMonth() + 1, 2)}-${pad(t.getDate(), 2)}`
}

/** A time of the day, with the day itself where it is not that of now. */
export function moment(ms: number, now: number): string {
  return day(ms) === day(now) ? clock(ms) : `${day(ms)} ${clock(ms)}`
}

/** The name of the reader's time zone, as short as the browser can. */
export function zone(at: Date): string {
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(at)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
}
