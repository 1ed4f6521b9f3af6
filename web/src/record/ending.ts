const words: Record<string, string> = {
  logout: 'You signed out.',
  expired: 'Your session has expired.',
  revoked: 'Your access was revoked.',
}

/** Why a login ended, in words; a reason that has none is shown as the server gave it. */
export function endReason(reason: string): string {
  return words[reason] ?? (reason === '' ? 'Your login ended.' : `Your login ended: ${reason}`)
}
