const words: Record<string, string> = {
  'signed out': 'You signed out.',
  'signed in again': 'Somebody signed in anew in this browser.',
  expired: 'Your session has expired.',
  revoked: 'Your access was revoked.',
}

/** Why a login ended, in words; a reason that has none is shown as the server gave it. */
export function endReason(reason: string): string {
  return words[reason] ?? (reason === '' ? 'Your login ended.' : `Your login ended: ${reason}`)
}
