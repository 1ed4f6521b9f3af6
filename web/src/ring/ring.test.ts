import { describe, expect, it } from 'vitest'
import type { Content } from './entry.ts'
import { Ring } from './ring.ts'
import { fileName, ndjson, ndjsonOf } from './save.ts'

const line = (data: string, id?: string): Content => ({
  kind: 'line',
  line: id === undefined ? { data } : { id, data },
  error: data.includes('error'),
})

const texts = (ring: Ring) =>
  Array.from(ring.from(ring.start), (entry) => (entry.kind === 'line' ? entry.line.data : entry.kind))

describe('Ring', () => {
  it('keeps the newest, and goes on counting', () => {
    const ring = new Ring({ entries: 3, chars: 1e6 })
    for (const data of ['a', 'error b', 'c', 'd', 'e']) ring.push(line(data))
    expect(texts(ring)).toEqual(['c', 'd', 'e'])
    expect([ring.start, ring.end, ring.lines, ring.errors]).toEqual([2, 5, 5, 1])
    expect(ring.get(1)).toBeUndefined()
    expect(ring.get(2)).toMatchObject({ seq: 2, lines: 3, errors: 1 })
    expect(ring.get(5)).toBeUndefined()
  })

  it('is bounded by size too, and never loses the newest', () => {
    const ring = new Ring({ entries: 100, chars: 3_000 })
    for (let i = 0; i < 20; i++) ring.push(line(String(i).repeat(800)))
    expect(ring.end - ring.start).toBeLessThanOrEqual(3)
    ring.push(line('x'.repeat(10_000)))
    expect(texts(ring)).toHaveLength(1)
  })

  it('does not count gaps and notices as lines', () => {
    const ring = new Ring({ entries: 9, chars: 1e6 })
    ring.push({ kind: 'gap', gap: { reason: 'slow', missed: 2 } })
    ring.push({ kind: 'notice', text: 'x' })
    expect([ring.lines, ring.end]).toEqual([0, 2])
  })
})

describe('saving', () => {
  it('writes records as they came, each on one line', () => {
    const ring = new Ring({ entries: 9, chars: 1e6 })
    ring.push(line('{\n  "n": 12345678901234567890,\r\n  "message": "a\\nb"\n}', 'e.1.1-0'))
    ring.push(line('text\nof two'))
    ring.push({ kind: 'gap', gap: { id: 'e.2.2-0', reason: 'trimmed', missed: null } })
    ring.push({ kind: 'notice', text: 'hello' })
    expect(ndjsonOf(ring)).toEqual([
      '{"id":"e.1.1-0","record":{ "n": 12345678901234567890, "message": "a\\nb" }}\n',
      '{"record":{"message":"text\\nof two"}}\n',
      '{"event":"gap","id":"e.2.2-0","data":{"reason":"trimmed","missed":null}}\n',
      '{"event":"notice","data":{"text":"hello"}}\n',
    ])
  })

  it.each(['42', '"s"', '[1]', '{"broken', '', 'x\u2028y'])('writes %j as a message', (data) => {
    const entry = new Ring({ entries: 1, chars: 9 }).push(line(data))
    expect(JSON.parse(ndjson(entry))).toEqual({ record: { message: data } })
  })

  it('names the file after the channel and the time', () => {
    const name = fileName('User.a/b c', new Date(Date.UTC(2026, 0, 2, 3, 4, 5)))
    expect(name).toBe('loglane-User.a_b_c-20260102T030405Z.ndjson')
  })
})
