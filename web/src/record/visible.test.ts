import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { plain, visible } from './visible.ts'

describe('visible', () => {
  it.each([
    ['plain ascii', 'plain ascii'],
    ['tab\tand\nline', 'tab\tand\nline'],
    ['grün 日本語 👩‍👩‍👧', 'grün 日本語 👩‍👩‍👧'],
    ['\u001b[31mred\u001b[0m', '\u001b[31mred\u001b[0m'],
    ['\u001b[mreset', '\u001b[mreset'],
    ['\u001b[38;2;1;2;3mx', '\u001b[38;2;1;2;3mx'],
    ['\u001b[38;5;8mx', '\u001b[38;5;8mx'],
    ['\u001b[4:3;58:2::1:2:3mx', '\u001b[4:3;58:2::1:2:3mx'],
    ['\u001b[8mhidden', 'hidden'],
    ['\u001b[1;08;5;31mx', '\u001b[1;31mx'],
    ['\u001b[2Jwipe', '␛[2Jwipe'],
    ['\u001b[?25lx', '␛[?25lx'],
    ['\u001b[>4mx', '␛[>4mx'],
    ['\u001b]52;c;QQ==\u0007', '␛]52;c;QQ==␇'],
    ['\u001b]8;;http://a\u001b\\link', '␛]8;;http://a␛\\link'],
    ['\u001bP+q\u001b\\', '␛P+q␛\\'],
    ['\u001bc', '␛c'],
    ['half \u001b[31', 'half ␛[31'],
    ['over\rwrite\b', 'over␍write␈'],
    ['\u009b31m', '<U+009B>31m'],
    ['\u007f', '␡'],
    ['a\u202eb\u2066c', 'a<U+202E>b<U+2066>c'],
    ['zero\u200bwidth\ufeff', 'zero<U+200B>width<U+FEFF>'],
    ['sep\u2028x', 'sep<U+2028>x'],
    ['so\u00adft', 'so<U+00AD>ft'],
    ['tag\u{e0041}\u{e007f}', 'tag<U+E0041><U+E007F>'],
    ['a\ufe00\u{e0100}b', 'a<U+FE00><U+E0100>b'],
    ['\u2764\ufe0f \u200c', '\u2764\ufe0f \u200c'],
  ])('turns %j into %j', (text, want) => {
    expect(visible(text)).toBe(want)
  })

  it('lets nothing through but print, colour, TAB and LF', () => {
    // A small generator with a fixed seed: the same cases every time.
    let seed = 42
    const next = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * n)
    }
    const pieces = ['\u001b', '[', ']', 'm', ';', ':', '3', '8', '?', 'J', 'P', '\\', '\r', '\u009b', '\u0007', 'x', '\u202e']
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from({ length: next(12) }, () => pieces[next(pieces.length)]).join('')
      const rest = visible(text).replace(/\u001b\[[0-9;:]*m/g, '')
      expect(rest, JSON.stringify(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
    }
  })
})

describe('the hostile corpus of the server', () => {
  const path = new URL('../../../internal/vt/testdata/hostile.json', import.meta.url)
  const corpus = JSON.parse(readFileSync(path, 'utf8')) as { category: string; line: string }[]

  it('has hundreds of lines', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(300)
  })

  it.each([...new Set(corpus.map(({ category }) => category))])('is harmless without the server: %s', (category) => {
    for (const { line } of corpus.filter((hostile) => hostile.category === category)) {
      for (const encoding of ['utf8', 'latin1'] as const) {
        const text = Buffer.from(line, 'base64').toString(encoding)
        const rest = visible(text).replace(/\u001b\[[0-9;:]*m/g, '')
        expect(rest, JSON.stringify(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
        expect(rest, JSON.stringify(text)).not.toMatch(/(?![\u200c\u200d\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]/u)
      }
    }
  })
})

describe('plain', () => {
  it('has no colours', () => {
    expect(plain('\u001b[1;31mred\u001b[0m and \u001b[2J')).toBe('red and ␛[2J')
  })
})
