import { describe, expect, it } from 'vitest'
import { parseLevel, parseLevelNumber } from './level.ts'
import { parseRecord } from './record.ts'
import { parseTime, preciseClock } from './time.ts'

const of = (value: unknown) => parseRecord(JSON.stringify(value))

describe('parseRecord', () => {
  it.each(['message', 'msg', 'body', 'event', 'log', 'short_message'])('reads %s', (name) => {
    expect(of({ [name]: 'hello' })).toMatchObject({ message: 'hello', attrs: [] })
  })

  it.each(['level', 'severity', 'levelname', 'log.level'])('reads the level from %s', (name) => {
    expect(of({ msg: 'x', [name]: 'Warning' }).level).toEqual({ rank: 'warn', word: 'WARNING' })
  })

  it.each(['timestamp', 'time', 'ts', '@timestamp'])('reads the time from %s', (name) => {
    expect(of({ msg: 'x', [name]: '2026-01-02T03:04:05.678901234Z' })).toMatchObject({
      time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      attrs: [],
    })
  })

  it('reads the level nested as ECS has it, and keeps the member', () => {
    const record = of({ message: 'x', log: { level: 'error' } })
    expect(record.level?.rank).toBe('error')
    expect(record.attrs).toEqual([['log', '{"level":"error"}']])
  })

  it('keeps the other members in order, and opens attrs', () => {
    const record = of({ a: 1, msg: 'x', attrs: { b: 'two words', c: '' }, d: [1, { e: null }], f: 'g' })
    expect(record.attrs).toEqual([
      ['a', '1'],
      ['b', '"two words"'],
      ['c', '""'],
      ['d', '[1,{"e":null}]'],
      ['f', 'g'],
    ])
  })

  it('leaves out known members that are null, and no others', () => {
    const record = of({ message: 'x', pod: null, trace_id: null, level: null, mine: null })
    expect(record.attrs).toEqual([['mine', 'null']])
  })

  it('shows aliases that were not needed', () => {
    expect(of({ message: 'a', msg: 'b' })).toMatchObject({ message: 'a', attrs: [['msg', 'b']] })
  })

  it('reads JSON that is laid out over several lines', () => {
    expect(parseRecord('{\n  "message": "hi",\n  "pod": null\n}').message).toBe('hi')
  })

  it.each([
    '{}',
    '{"a":1}',
    '42',
    'null',
    '"scalar"',
    '[1,2]',
    '{"broken": ',
    '',
    ' ',
    'plain text',
    '{"message":null}',
  ])('shows %j as it is', (data) => {
    expect(parseRecord(data)).toMatchObject({ message: data, attrs: [] })
  })

  it('shows what looks like a frame as data', () => {
    expect(of({ _ll: '1 e.1.1-0 0-0 p:1', message: 'x' }).attrs).toEqual([
      ['_ll', '"1 e.1.1-0 0-0 p:1"'],
    ])
  })

  it('is not thrown by names of the language', () => {
    const record = parseRecord('{"__proto__":"p","constructor":"c","toString":"t","message":"m"}')
    expect(record.attrs).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['toString', 't'],
    ])
  })

  it('shows as text what is nested too deep', () => {
    const data = `{"message":"x","deep":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    expect(() => parseRecord(data)).not.toThrow()
  })

  it('shows a message that is a number, and an empty one', () => {
    expect(of({ message: 5 }).message).toBe('5')
    expect(of({ message: '', a: 1 })).toMatchObject({ message: '', attrs: [['a', '1']] })
  })
})

describe('parseLevel', () => {
  it.each([
    ['info', 'info', 'INFO'],
    ['Notice', 'info', 'NOTICE'],
    ['PANIC', 'fatal', 'PANIC'],
    ['emergency', 'fatal', 'EMERGENCY'],
    ['verbose', 'other', 'VERBOSE'],
    [10, 'trace', 'TRACE'],
    [30, 'info', 'INFO'],
    [60, 'fatal', 'FATAL'],
    [-4, 'debug', 'DEBUG'],
    [0, 'info', 'INFO'],
    [2, 'info', 'INFO+2'],
    [4, 'warn', 'WARN'],
    [8, 'error', 'ERROR'],
    [12, 'error', 'ERROR+4'],
    [-8, 'trace', 'DEBUG-4'],
  ])('reads %j as %s', (value, rank, word) => {
    expect(parseLevel(value)).toEqual({ rank, word })
  })

  it('reads levelno as Python counts', () => {
    expect([10, 20, 30, 40, 50].map((n) => parseLevelNumber(n)?.rank)).toEqual([
      'debug',
      'info',
      'warn',
      'error',
      'fatal',
    ])
  })

  it.each([null, '', {}, true, NaN])('knows no level in %j', (value) => {
    expect(parseLevel(value)).toBeUndefined()
  })
})

describe('parseTime', () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5)
  it.each([at / 1e3, at, at * 1e3, at * 1e6, BigInt(at) * 1_000_000n])('tells %d by its size', (n) => {
    expect(parseTime(n)).toBe(at)
  })

  it.each(['yesterday', '2026-01-02', '12', '', -1, 0, Infinity, null, {}])('refuses %j', (value) => {
    expect(parseTime(value)).toBeUndefined()
  })

  it('is shown by the reader’s clock', () => {
    expect(preciseClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('04:04:05.006')
  })
})
