import { gapText } from '../record/gap.ts'
import { parseRecord } from '../record/record.ts'
import { clock } from '../record/time.ts'
import { plain } from '../record/visible.ts'
import { storedAt, type Entry } from '../ring/entry.ts'

/** An entry as plain text, for readers that hear it and for tests. */
export function entryText(entry: Entry, contexts: boolean): string {
  switch (entry.kind) {
    case 'line': {
      const record = parseRecord(entry.line.data)
      const time = clock(record.time ?? storedAt(entry))
      const attrs = record.attrs.map(([key, value]) => `${key}=${value}`)
      const context = contexts ? record.context : undefined
      const parts = [time, record.level?.word, context, record.logger, record.message, ...attrs]
      return plain(parts.filter((part) => part !== undefined && part !== '').join(' '))
    }
    case 'gap':
      return plain(gapText(entry.gap))
    case 'notice':
      return plain(entry.text)
  }
}
