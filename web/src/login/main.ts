import '../styles/theme.css'
import '../styles/login.css'
import { basePath, meta, takeReason } from '../page.ts'
import { endReason } from '../record/ending.ts'
import { applyTheme, storedTheme } from '../theme.ts'

applyTheme(storedTheme())

const form = document.querySelector<HTMLFormElement>('#login')
const next = new URLSearchParams(location.search).get('next') ?? ''

if (form) {
  form.querySelector<HTMLInputElement>('input[name="next"]')?.setAttribute('value', next)
  // After a refusal the same page comes back, and should still know where to go on.
  if (next !== '') form.action = `${basePath()}login?next=${encodeURIComponent(next)}`
  const token = meta('csrf')
  if (token !== '') {
    const field = document.createElement('input')
    field.type = 'hidden'
    field.name = 'csrf'
    field.value = token
    form.append(field)
  }
}

// Another site to sign in at stands above the password, or alone.
const provider = document.querySelector<HTMLAnchorElement>('#provider')
const title = meta('provider')
if (provider && title !== '') {
  provider.href = `${basePath()}login/oidc?next=${encodeURIComponent(next)}`
  provider.textContent = `Sign in with ${title}`
  provider.hidden = false
}
if (meta('password') === 'off') {
  for (const part of form?.querySelectorAll<HTMLElement>('label, input, button') ?? []) {
    part.hidden = true
    if (part instanceof HTMLInputElement) part.disabled = true
  }
  provider?.focus()
}

function tell(id: string, text: string): void {
  const place = document.getElementById(id)
  if (!place || text === '') return
  place.hidden = false
  place.textContent = text
}

tell('error', meta('login'))
const reason = takeReason()
tell('note', reason === '' ? '' : endReason(reason))
