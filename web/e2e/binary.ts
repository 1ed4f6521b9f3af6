/** A binary that ci/browser.sh has built, by the name of its variable. */
export function binary(variable: 'LOGLANE_BIN' | 'PUBLISH_BIN' | 'OIDC_BIN'): string {
  const path = process.env[variable]
  if (path === undefined || path === '') {
    throw new Error(`${variable} is not set: run ci/browser.sh, which builds the programs and sets it`)
  }
  return path
}
