import type { RefObject } from 'react'

const keys = [
  ['End, G', 'Follow the newest line'],
  ['Home, g', 'Oldest line in view'],
  ['Space', 'Pause, go on'],
  ['Page Up, Page Down, ↑, ↓', 'Scroll; going up holds the view still'],
  ['Ctrl C, ⌘ C', 'Copy the selection'],
  ['?', 'This help'],
] as const

export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}
