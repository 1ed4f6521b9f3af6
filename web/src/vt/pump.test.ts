import { describe, expect, it } from 'vitest'
import { Ring } from '../ring/ring.ts'
import { Pump } from './pump.ts'

function filled(lines: number, entries = 20_000): Ring {
  const ring = new Ring({ entries, chars: 1e9 })
  add(ring, lines)
  return ring
}

function add(ring: Ring, lines: number): void {
  for (let i = 0; i < lines; i++) {
    ring.push({ kind: 'line', line: { data: `line ${ring.lines}` }, error: ring.lines % 10 === 0 })
  }
}

function drain(pump: Pump): { seqs: number[]; skipped: number } {
  const seqs: number[] = []
  let skipped = 0
  while (pump.behind > 0) {
    const chunk = pump.take()
    seqs.push(...chunk.entries.map((entry) => entry.seq))
    skipped += chunk.skipped
  }
  return { seqs, skipped }
}

describe('Pump', () => {
  it('takes every entry once, in order, in bounded chunks', () => {
    const ring = filled(2_500)
    const pump = new Pump(ring)
    expect(pump.take().entries).toHaveLength(1_000)
    add(ring, 100)
    const { seqs, skipped } = drain(pump)
    expect(seqs).toEqual(Array.from({ length: 1_600 }, (_, i) => i + 1_000))
    expect(skipped).toBe(0)
  })

  it('stops a chunk that has become long', () => {
    const ring = new Ring({ entries: 100, chars: 1e9 })
    for (let i = 0; i < 10; i++) {
      ring.push({ kind: 'line', line: { data: 'x'.repeat(64 * 1024) }, error: false })
    }
    expect(new Pump(ring).take().entries).toHaveLength(2)
  })

  it('goes to the tail when it is too far behind, and counts what it left out', () => {
    const ring = filled(12_000)
    const pump = new Pump(ring)
    const { seqs, skipped } = drain(pump)
    expect(seqs).toHaveLength(5_000)
    expect(seqs.at(-1)).toBe(11_999)
    expect(skipped).toBe(7_000)
  })

  it('counts what the ring dropped before it could be taken', () => {
    const ring = filled(10, 50)
    const pump = new Pump(ring)
    drain(pump)
    add(ring, 80)
    const { seqs, skipped } = drain(pump)
    expect(seqs).toHaveLength(50)
    expect(skipped).toBe(30)
    expect(pump.passed).toEqual({ lines: 90, errors: 9 })
  })

  it('starts again without calling it a loss', () => {
    const ring = filled(300, 200)
    const pump = new Pump(ring)
    drain(pump)
    pump.rewind(120)
    expect(pump.passed.lines).toBe(180)
    expect(drain(pump)).toMatchObject({ skipped: 0 })
    pump.rewind(1_000)
    expect(drain(pump).seqs).toHaveLength(200)
  })

  it('keeps the gaps of what it leaves out', () => {
    const ring = filled(1)
    const pump = new Pump(ring)
    drain(pump)
    add(ring, 1_000)
    ring.push({ kind: 'gap', gap: { reason: 'slow', missed: 5_000 } })
    add(ring, 12_000)
    const chunk = pump.take()
    expect(chunk.skipped).toBe(8_000)
    expect(chunk.kept).toMatchObject([{ kind: 'gap', gap: { missed: 5_000 } }])
    expect(pump.take().kept).toEqual([])
  })
})
