import type { Gap } from '../stream/types.ts'

const reasons: Record<string, string> = {
  trimmed: 'trimmed from history',
  rewritten: 'lost when the broker failed over',
  epoch: 'the broker lost its data',
  slow: 'this view was too slow',
}

/** What a gap tells the reader. */
export function gapText({ reason, missed }: Gap): string {
  if (reason === 'expired') return 'older lines have expired'
  const why = reasons[reason] ?? reason
  if (missed === null) return `an unknown number of lines missing: ${why}`
  return `${missed === 1 ? '1 line' : `${missed} lines`} missing: ${why}`
}

/** Whether a gap is a loss, and not just the end of a lifetime. */
export function isLoss({ reason }: Gap): boolean {
  return reason !== 'expired'
}
