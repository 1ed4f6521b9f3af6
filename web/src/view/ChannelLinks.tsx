import { askedChannel } from '../address.ts'
import type { Me } from '../me.ts'
import { basePath } from '../page.ts'
import { plain } from '../record/visible.ts'

/** Ways to the other channels that the reader may open. */
export function ChannelLinks({ me }: { me: Me }) {
  const asked = askedChannel(location.search)
  const operator = me.roles.includes('operator') || me.roles.includes('admin')
  const others = new Set([...(operator ? ['global'] : []), ...me.channels])
  others.delete(me.channel)
  if (others.size === 0 && asked === undefined) return null
  return (
    <nav aria-label="Channels">
      <a href={basePath()} aria-current={asked === undefined ? 'page' : undefined}>
        My lines
      </a>
      {[...others].map((name) => (
        <a
          key={name}
          href={`${basePath()}?channel=${encodeURIComponent(name)}`}
          aria-current={asked === name ? 'page' : undefined}
          data-testid={name === 'global' ? 'global-link' : undefined}
        >
          {name === 'global' ? 'Global' : plain(name)}
        </a>
      ))}
    </nav>
  )
}
