import { describe, expect, it } from 'vitest'
import { identity, parseCursor } from './cursor.ts'
import { Seen } from './seen.ts'

describe('parseCursor', () => {
  it.each([
    ['Ab-_efghijk.12.1700000000000-3.Zm9vYmFyMTI', '1700000000000-3', 1700000000000, 'Zm9vYmFyMTI'],
    ['0.0.1700000000000-0', '1700000000000-0', 1700000000000, undefined],
    ['0.0.0-0', '0-0', 0, undefined],
  ])('takes %s apart', (id, entry, ms, src) => {
    expect(parseCursor(id)).toEqual({ entry, ms, src })
  })

  it.each(['', '0', 'abc', 'a.b.1-2', 'a.1.12', 'a.1.1-2.', 'a.1.1-2.x.y'])('refuses %j', (id) => {
    expect(parseCursor(id)).toBeUndefined()
  })
})

describe('identity', () => {
  it('is the src, wherever the line stands', () => {
    expect(identity('e.1.5-0.SRC')).toBe(identity('f.9.7-1.SRC'))
  })

  it('is the entry for a line without a src, whatever its epoch', () => {
    expect(identity('e.0.5-0')).toBe(identity('0.0.5-0'))
    expect(identity('e.0.5-0')).not.toBe(identity('e.0.5-1'))
  })

  it('never takes a src for an entry', () => {
    expect(identity('e.1.5-0.5-0')).not.toBe(identity('e.1.5-0'))
  })
})

describe('Seen', () => {
  it('knows the last keys and forgets the older ones', () => {
    const seen = new Seen(2)
    expect(['a', 'b', 'a', 'c', 'a'].map((key) => seen.add(key))).toEqual([
      true,
      true,
      false,
      true,
      true,
    ])
  })
})
