/**
 * What a reader would not see, or what turns the text around it: vt.Invisible on the server
 * has the same characters, and says why the joiners and two selectors of emoji are not
 * among them.
 */
const invisible =
  '\\u{ad}\\u{34f}\\u{61c}\\u{115f}\\u{1160}\\u{17b4}\\u{17b5}\\u{180b}-\\u{180f}\\u{200b}\\u{200e}\\u{200f}' +
  '\\u{2028}-\\u{202e}\\u{2060}-\\u{206f}\\u{3164}\\u{fe00}-\\u{fe0d}\\u{feff}\\u{ffa0}\\u{fff0}-\\u{fffb}' +
  '\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}'
const suspect = new RegExp(`[\\u{0}-\\u{8}\\u{b}-\\u{1f}\\u{7f}-\\u{9f}${invisible}]`, 'u')
const everySuspect = new RegExp(suspect.source, 'gu')
const sgr = /\u001b\[([0-9;:]*)m/y
const everySgr = /\u001b\[[0-9;:]*m/g

/**
 * Makes text safe for a terminal: SGR colours pass, every other control character is
 * drawn as a picture of itself, and so are the characters that reorder or hide text.
 * TAB and line feed pass. The server filters too; this is the second lock on the door.
 */
export function visible(text: string): string {
  if (!suspect.test(text)) return text
  let out = ''
  let at = 0
  while (at < text.length) {
    sgr.lastIndex = at
    const colour = text.charCodeAt(at) === 0x1b ? sgr.exec(text) : null
    if (colour) {
      out += allowed(colour[1] ?? '')
      at = sgr.lastIndex
    } else {
      const next = text.indexOf('\u001b', at + 1)
      const end = next < 0 ? text.length : next
      out += text.slice(at, end).replace(everySuspect, picture)
      at = end
    }
  }
  return out
}

/** The text without its colours, for places that show none. */
export function plain(text: string): string {
  return visible(text).replace(everySgr, '')
}

function picture(char: string): string {
  const code = char.codePointAt(0) ?? 0
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
}

/**
 * Drops what hides text (conceal) or makes it flash; colours given as 38, 48 or 58 have
 * arguments of their own, which look like such codes and are not.
 */
function allowed(params: string): string {
  const kept: string[] = []
  const list = params.split(';')
  for (let i = 0; i < list.length; i++) {
    const code = list[i] ?? ''
    const n = code.includes(':') ? NaN : Number(code)
    if (n === 5 || n === 6 || n === 8) continue
    const extra = n === 38 || n === 48 || n === 58 ? argumentsAfter(list[i + 1]) : 0
    kept.push(...list.slice(i, i + 1 + extra))
    i += extra
  }
  return kept.length === 0 ? '' : `\u001b[${kept.join(';')}m`
}

function argumentsAfter(mode: string | undefined): number {
  if (mode === '5') return 2
  return mode === '2' ? 4 : 0
}
