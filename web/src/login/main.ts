import '../styles/theme.css'
import '../styles/login.css'
import { meta, takeReason } from '../page.ts'
import { endReason } from '../record/ending.ts'
import { applyTheme, storedTheme } from '../theme.ts'

applyTheme(storedTheme())

const form = document.querySelector<HTMLFormElement>('#login')
const next = new URLSearchParams(location.search).get('next') ?? ''

if (form) {
  form.querySelector<HTMLInputElement>('input[name="next"]')?.setAttribute('value', next)
  // After a refusal the same page comes back, and should still know where to go on.
  if (next !== '') form.action = `login?next=${encodeURIComponent(next)}`
  const token = meta('csrf')
  if (token !== '') {
    const field = document.createElement('input')
    field.type = 'hidden'
    field.name = 'csrf'
    field.value = token
    form.append(field)
  }
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
