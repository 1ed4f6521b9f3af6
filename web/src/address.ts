const passedOn = ['channel', 'user', 'level']

/** The stream's address for a page: its own parameters go along. */
export function streamUrl(base: string, search: string): string {
  const page = new URLSearchParams(search)
  const query = new URLSearchParams()
  for (const name of passedOn) {
    const value = page.get(name)
    if (value !== null) query.set(name, value)
  }
  query.set('ping', '15')
  return `${base}api/v1/stream?${query}`
}

/** Which channel a page asks for; undefined for the reader's own. */
export function askedChannel(search: string): string | undefined {
  const page = new URLSearchParams(search)
  const user = page.get('user')
  return page.get('channel') ?? (user === null ? undefined : `user ${user}`)
}

/** Whether the lines of a page belong to more than one context, so that each says its own. */
export function manyContexts(search: string): boolean {
  return new URLSearchParams(search).get('channel') === 'global'
}

/** The least level that a page asks for; undefined for every line. */
export function askedLevel(search: string): string | undefined {
  return new URLSearchParams(search).get('level') ?? undefined
}
