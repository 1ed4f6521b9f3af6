import { useEffect, useRef, useState } from 'react'
import type { Feed } from '../feed.ts'
import { askMe, type Me } from '../me.ts'
import { basePath, goToLogin } from '../page.ts'
import type { StreamState } from '../stream/types.ts'
import { useFeed } from './useFeed.ts'

/**
 * Who is signed in; undefined until the gateway has said so. It is asked again whenever
 * the stream has come back, for by then somebody else may have signed in in this browser:
 * their lines belong on a page of their own.
 */
export function useMe(feed: Feed): Me | undefined {
  const [me, setMe] = useState<Me>()
  const known = useRef<Me>(undefined)
  const open = isOpen(useFeed(feed).state)
  useEffect(() => {
    if (known.current && !open) return
    const leave = new AbortController()
    askMe(`${basePath()}api/v1/me`, leave.signal).then(
      (answer) => {
        if (!answer) {
          goToLogin('')
        } else if (known.current && known.current.name !== answer.name) {
          location.reload()
        } else {
          known.current = answer
          setMe(answer)
        }
      },
      () => {
        // Aborted, since the page is going away or asks anew.
      },
    )
    return () => {
      leave.abort()
    }
  }, [open])
  return me
}

function isOpen({ kind }: StreamState): boolean {
  return kind === 'catching-up' || kind === 'live' || kind === 'upstream-down'
}
