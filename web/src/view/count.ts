const format = new Intl.NumberFormat('en')

/** A number with its noun: 1 line, 1,200 lines. */
export function count(n: number, noun: string): string {
  return `${format.format(n)} ${noun}${n === 1 ? '' : 's'}`
}
