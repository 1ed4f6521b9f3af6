import { parseLevel, parseLevelNumber, type Level } from './level.ts'
import { parseTime } from './time.ts'

/** A log line with its fields, from whatever a program published. */
export interface LogRecord {
  time: number | undefined
  level: Level | undefined
  /** Whose line it is; the same for all lines of a channel but the global one. */
  context: string | undefined
  logger: string | undefined
  message: string
  /** What else the line carries, in its order. */
  attrs: [key: string, value: string][]
}

type Fields = Record<string, unknown>

const messageNames = ['message', 'msg', 'body', 'event', 'log', 'short_message']
const levelNames = ['level', 'severity', 'levelname', 'log.level']
const timeNames = ['timestamp', 'time', 'ts', '@timestamp']
const loggerNames = ['logger', 'name']
// The contract lets these be null, which says nothing; in other members null is data.
const nullable = new Set([
  ...messageNames,
  ...levelNames,
  ...timeNames,
  ...loggerNames,
  'levelno',
  'pod',
  'trace_id',
  'span_id',
  'context',
  'attrs',
])

/** Reads one payload. Anything that is no JSON object is a message as it stands. */
export function parseRecord(data: string): LogRecord {
  const fields = parseObject(data)
  if (fields) {
    try {
      return fromFields(fields, data)
    } catch {
      // Nested so deep that it cannot be written out again: text is what is left.
    }
  }
  return {
    time: undefined,
    level: undefined,
    context: undefined,
    logger: undefined,
    message: data,
    attrs: [],
  }
}

function fromFields(fields: Fields, data: string): LogRecord {
  const used = new Set<string>()
  const take = <T>(names: string[], read: (value: unknown) => T | undefined): T | undefined => {
    for (const name of names) {
      const value = Object.hasOwn(fields, name) ? read(fields[name]) : undefined
      if (value === undefined) continue
      used.add(name)
      return value
    }
    return undefined
  }
  const time = take(timeNames, parseTime)
  const level =
    take(levelNames, parseLevel) ?? take(['levelno'], parseLevelNumber) ?? nestedLevel(fields)
  const logger = take(loggerNames, text)
  const message = take(messageNames, text)
  if (message === undefined) {
    // Nothing in it is a message, so all of it is.
    return { time, level, context: undefined, logger, message: oneLine(data), attrs: [] }
  }
  const context = take(['context'], text)
  return { time, level, context, logger, message, attrs: attributes(fields, used) }
}

/** The payload as an object; undefined for any other JSON and for text. */
export function parseObject(data: string): Fields | undefined {
  if (!/^\s*\{/.test(data)) return undefined
  try {
    return (longDigits.test(data) ? JSON.parse(data, exact) : JSON.parse(data)) as Fields
  } catch {
    return undefined
  }
}

// Whole numbers beyond 2^53 keep their digits where the browser tells them; the reviver
// is slow, so it is asked only where it may matter.
const longDigits = /\d{16}/

function exact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}

/** JSON without its line breaks: inside strings JSON allows none, so these are layout. */
export function oneLine(json: string): string {
  return json.trim().replace(/\s*[\r\n]+\s*/g, ' ')
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'object' || value === undefined) return undefined
  return JSON.stringify(value, digits)
}

// ECS writes log.level as a nested member as often as with a dot; it stays an attribute,
// for `log` may hold more than that.
function nestedLevel(fields: Fields): Level | undefined {
  const log = fields['log']
  return isObject(log) ? parseLevel(log['level']) : undefined
}

function attributes(fields: Fields, used: Set<string>): [string, string][] {
  const attrs: [string, string][] = []
  for (const [key, value] of Object.entries(fields)) {
    if (used.has(key) || (value === null && nullable.has(key))) continue
    if (key === 'attrs' && isObject(value)) {
      for (const [name, inner] of Object.entries(value)) attrs.push([name, show(inner)])
    } else {
      attrs.push([key, show(value)])
    }
  }
  return attrs
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as it is shown after `key=`: quoted where it would not be told from its neighbours. */
function show(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, digits)
  return value === '' || /[\s"=]/.test(value) ? JSON.stringify(value) : value
}

function digits(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown }
  return rawJSON ? rawJSON(String(value)) : Number(value)
}
