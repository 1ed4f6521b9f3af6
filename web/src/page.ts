/** What the server wrote into a meta element of the page; '' where it wrote nothing. */
export function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="loglane-${name}"]`)?.content ?? ''
}

/** The path below which the gateway is mounted, with a slash at its end. */
export function basePath(): string {
  const base = meta('base') || '/'
  return base.endsWith('/') ? base : `${base}/`
}

// The login page shows there why the reader has to sign in again.
const reasonKey = 'loglane-signed-out'

/** Leaves for the login page, and comes back here after it. */
export function goToLogin(reason: string): void {
  if (reason !== '') sessionStorage.setItem(reasonKey, reason)
  const next = location.pathname + location.search
  location.assign(`${basePath()}login?next=${encodeURIComponent(next)}`)
}

/** Why the last login ended, told once. */
export function takeReason(): string {
  const reason = sessionStorage.getItem(reasonKey) ?? ''
  sessionStorage.removeItem(reasonKey)
  return reason
}
