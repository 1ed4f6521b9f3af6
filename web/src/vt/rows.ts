import { gapText, isLoss } from '../record/gap.ts'
import type { Level, Rank } from '../record/level.ts'
import { parseRecord } from '../record/record.ts'
import { clock, preciseClock } from '../record/time.ts'
import { visible } from '../record/visible.ts'
import { storedAt, type Entry } from '../ring/entry.ts'

export interface RowStyle {
  cols: number
  /** For narrow screens: no milliseconds, no logger. */
  compact: boolean
  /** Lines say whose they are. */
  contexts: boolean
}

const reset = '\u001b[0m'
const dim = (text: string) => `\u001b[90m${text}${reset}`

const colours: Record<Rank, string> = {
  trace: '90',
  debug: '36',
  info: '32',
  warn: '33',
  error: '31',
  fatal: '1;35',
  other: '34',
}

/** An entry as terminal text: one or more rows, separated and not ended by CR LF. */
export function rows(entry: Entry, style: RowStyle): string {
  switch (entry.kind) {
    case 'line':
      return lineRows(entry, style)
    case 'gap':
      return rule(gapText(entry.gap), isLoss(entry.gap) ? '1;33' : '90', style.cols)
    case 'notice':
      return rule(entry.text, '90', style.cols)
  }
}

/** A rule across the screen with words in it. */
export function rule(words: string, colour: string, cols: number): string {
  const text = ` ${visible(words).replaceAll('\n', ' ')} `
  const tail = '─'.repeat(Math.max(2, Math.min(cols, 200) - text.length - 3))
  return `\u001b[${colour}m──${text}${tail}${reset}`
}

function lineRows(entry: Entry & { kind: 'line' }, style: RowStyle): string {
  const record = parseRecord(entry.line.data)
  const ms = record.time ?? storedAt(entry)
  const head = [dim(style.compact ? clock(ms) : preciseClock(ms)), levelWord(record.level)]
  if (record.context !== undefined && style.contexts) head.push(dim(oneRow(record.context)))
  if (record.logger !== undefined && !style.compact) head.push(dim(oneRow(record.logger)))
  const message = record.message.replace(/\r\n/g, '\n').replace(/\n$/, '')
  const [first = '', ...rest] = message.split('\n')
  const gutter = dim('│ ')
  const lines = [`${head.join(' ')} ${visible(first)}`]
  for (const line of rest) lines.push(gutter + visible(line))
  const attrs = record.attrs.map(([key, value]) => `${oneRow(key)}=${oneRow(value)}`).join(' ')
  // A colour that the message left on must not reach the attributes or the next row.
  const tail = attrs === '' ? '' : ` ${dim(attrs)}`
  return lines.join(`${reset}\r\n`) + reset + tail
}

function levelWord(level: Level | undefined): string {
  if (!level) return dim('·'.padEnd(5))
  return `\u001b[${colours[level.rank]}m${oneRow(level.word).padEnd(5)}${reset}`
}

function oneRow(text: string): string {
  return visible(text.replace(/\r?\n/g, '↵'))
}
