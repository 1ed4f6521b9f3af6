import { describe, expect, it } from 'vitest'
import type { Gap } from '../stream/types.ts'
import { Ring } from '../ring/ring.ts'
import { Days } from './days.ts'
import { rows } from './rows.ts'
import { entryText } from './text.ts'

const ring = new Ring({ entries: 10, chars: 1e6 })
// 2026-01-02 03:04:05.678 UTC, an hour later in the tests' zone.
const id = `e.1.${Date.UTC(2026, 0, 2, 3, 4, 5, 678)}-0`
const wide = { cols: 80, compact: false, contexts: false }

const line = (data: string) => ring.push({ kind: 'line', line: { id, data }, error: false })
const gap = (reason: string, missed: number | null) => {
  const about: Gap = { reason, missed }
  return ring.push({ kind: 'gap', gap: about })
}
const bare = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '')

describe('rows', () => {
  it('shows time, level, logger, message and the rest', () => {
    const entry = line('{"message":"paid","level":"info","logger":"shop","order":"A 1","pod":null}')
    expect(bare(rows(entry, wide))).toBe('04:04:05.678 INFO  shop paid order="A 1"')
    expect(bare(rows(entry, { ...wide, cols: 40, compact: true }))).toBe(
      '04:04:05 INFO  paid order="A 1"',
    )
  })

  it('shows whose line it is where lines of many come together, and only there', () => {
    const entry = line('{"message":"paid","level":"info","context":"User.alice","logger":"shop"}')
    expect(bare(rows(entry, wide))).toBe('04:04:05.678 INFO  shop paid')
    expect(bare(rows(entry, { ...wide, contexts: true }))).toBe(
      '04:04:05.678 INFO  User.alice shop paid',
    )
    expect(entryText(entry, true)).toBe('04:04:05 INFO User.alice shop paid')
  })

  it('marks continuation lines, and puts the rest after the last', () => {
    const entry = line('{"msg":"a\\r\\n  b\\nc\\n","k":1}')
    expect(bare(rows(entry, wide))).toBe('04:04:05.678 ·     a\r\n│   b\r\n│ c k=1')
  })

  it('stops colours at the end of each row', () => {
    const text = rows(line('\u001b[31mred\nstill?'), wide)
    expect(text).toContain('\u001b[31mred\u001b[0m\r\n')
    expect(text.endsWith('\u001b[0m')).toBe(true)
  })

  it('filters names and values like messages', () => {
    const text = rows(line('{"msg":"m","\\u001b[2Jk":"v\\u001b[3J\\n","logger":"l\\u0007"}'), wide)
    expect(text).not.toMatch(/\u001b\[\dJ/)
    expect(bare(text)).toContain('l␇ m ␛[2Jk=')
  })

  it('shows an empty line as one', () => {
    expect(bare(rows(line(''), wide))).toBe('04:04:05.678 ·     ')
  })

  it.each([
    ['trimmed', 37, '37 lines missing: trimmed from history'],
    ['slow', 1, '1 line missing: this view was too slow'],
    ['epoch', null, 'an unknown number of lines missing: the broker lost its data'],
    ['rewritten', null, 'an unknown number of lines missing: lost when the broker failed over'],
    ['expired', 12, 'older lines have expired'],
    ['new\u001b[2Jreason', 2, '2 lines missing: new␛[2Jreason'],
  ])('draws a rule for %j', (reason, missed, words) => {
    const text = bare(rows(gap(reason, missed), wide))
    expect(text).toContain(`── ${words} ─`)
    expect(text.length).toBeLessThanOrEqual(80)
  })
})

describe('entryText', () => {
  it('is the line without colours', () => {
    const entry = line('{"msg":"\\u001b[31mred\\u001b[0m","level":"error","a":1}')
    expect(entryText(entry, false)).toBe('04:04:05 ERROR red a=1')
  })

  it('tells gaps too', () => {
    expect(entryText(gap('trimmed', 2), false)).toBe('2 lines missing: trimmed from history')
  })
})

describe('Days', () => {
  it('begin by the reader’s calendar, and only where they change', () => {
    const at = (...utc: [number, number, number, number]) => {
      const stored = `e.1.${Date.UTC(...utc)}-0`
      return ring.push({ kind: 'line', line: { id: stored, data: 'x' }, error: false })
    }
    const days = new Days(Date.UTC(2026, 0, 3, 12))
    // 23:00 UTC is midnight in the tests' zone.
    const entries = [at(2026, 0, 1, 22), at(2026, 0, 1, 23), gap('slow', 1), at(2026, 0, 2, 5)]
    expect(entries.map((entry) => days.beginning(entry))).toEqual([
      '2026-01-01',
      '2026-01-02',
      undefined,
      undefined,
    ])
    expect(days.beginning(at(2026, 0, 3, 5))).toBe('2026-01-03')
  })
})
