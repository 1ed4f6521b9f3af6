/** A level as people rank it; other stands for words that are none. */
export type Rank = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'other'

export interface Level {
  rank: Rank
  /** The word as it is shown. */
  word: string
}

const words: Record<string, Rank> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  NOTICE: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
  FATAL: 'fatal',
  PANIC: 'fatal',
  ALERT: 'fatal',
  EMERGENCY: 'fatal',
}

const pino: Record<number, Level> = {
  10: { rank: 'trace', word: 'TRACE' },
  20: { rank: 'debug', word: 'DEBUG' },
  30: { rank: 'info', word: 'INFO' },
  40: { rank: 'warn', word: 'WARN' },
  50: { rank: 'error', word: 'ERROR' },
  60: { rank: 'fatal', word: 'FATAL' },
}

/** Reads a level given as a word, or as a number as pino or slog counts. */
export function parseLevel(value: unknown): Level | undefined {
  if (typeof value === 'number') return pino[value] ?? slog(value)
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const word = value.trim().toUpperCase()
  return { rank: words[word] ?? 'other', word }
}

/** Reads Python's `levelno`, which gives other meanings to the numbers that pino uses. */
export function parseLevelNumber(value: unknown): Level | undefined {
  if (typeof value !== 'number') return undefined
  if (value >= 50) return { rank: 'fatal', word: 'CRITICAL' }
  if (value >= 40) return { rank: 'error', word: 'ERROR' }
  if (value >= 30) return { rank: 'warn', word: 'WARNING' }
  if (value >= 20) return { rank: 'info', word: 'INFO' }
  return { rank: 'debug', word: 'DEBUG' }
}

/** Whether a reader would want to be told of it. */
export function isError(level: Level | undefined): boolean {
  return level?.rank === 'error' || level?.rank === 'fatal'
}

// slog writes a level between two names as the lower name plus the distance.
function slog(value: number): Level | undefined {
  if (!Number.isInteger(value)) return undefined
  const name = (word: string, rank: Rank, base: number): Level => {
    const off = value - base
    return { rank, word: off === 0 ? word : `${word}${off > 0 ? '+' : ''}${off}` }
  }
  if (value < -4) return name('DEBUG', 'trace', -4)
  if (value < 0) return name('DEBUG', 'debug', -4)
  if (value < 4) return name('INFO', 'info', 0)
  if (value < 8) return name('WARN', 'warn', 4)
  return name('ERROR', 'error', 8)
}
