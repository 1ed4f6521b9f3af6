import { count } from './count.ts'
import type { ScreenStatus } from '../vt/screen.ts'

interface ResumeButtonProps {
  status: ScreenStatus
  onResume: () => void
}

/** Says that the view holds still and what came meanwhile; leads back to the newest line. */
export function ResumeButton({ status, onResume }: ResumeButtonProps) {
  if (status.following) return null
  const { newLines, newErrors, paused } = status
  const errors = newErrors > 0 ? `, ${count(newErrors, 'error')}` : ''
  const news = newLines > 0 ? `${count(newLines, 'new line')}${errors}` : 'Newest lines'
  return (
    <button type="button" className="resume" onClick={onResume} data-testid="resume">
      {paused ? `Paused · ${news}` : news} <span aria-hidden="true">↓</span>
    </button>
  )
}
