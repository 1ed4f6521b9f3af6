import type { Me } from '../me.ts'
import { basePath, meta } from '../page.ts'
import { plain } from '../record/visible.ts'
import { ChannelLinks } from './ChannelLinks.tsx'
import { ThemeButton } from './ThemeButton.tsx'

interface HeaderProps {
  me: Me | undefined
  channel: string
  onSave: () => void
  onHelp: () => void
}

export function Header({ me, channel, onSave, onHelp }: HeaderProps) {
  return (
    <header>
      <h1>
        <span className="mark" aria-hidden="true" />
        Loglane
      </h1>
      <span className="channel" data-testid="channel" title="The channel on this page">
        {plain(channel)}
      </span>
      {me && <ChannelLinks me={me} />}
      <span className="space" />
      <button type="button" onClick={onSave} data-testid="save" title="Save what this page keeps">
        Save lines
      </button>
      <ThemeButton />
      <button type="button" onClick={onHelp} aria-label="Keys" title="Keys" className="square">
        ?
      </button>
      {me && <User me={me} />}
    </header>
  )
}

/** Who is signed in, and the way out where there is one from here. */
function User({ me }: { me: Me }) {
  const csrf = meta('csrf')
  const name = (
    <span className="user" data-testid="user">
      {plain(me.name)}
    </span>
  )
  if (!me.signOut) return name
  return (
    <form method="post" action={`${basePath()}logout`}>
      {csrf !== '' && <input type="hidden" name="csrf" value={csrf} />}
      {name}
      <button type="submit" data-testid="logout">
        Sign out
      </button>
    </form>
  )
}
