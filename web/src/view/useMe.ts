import { useEffect, useState } from 'react'
import { askMe, type Me } from '../me.ts'
import { basePath, goToLogin } from '../page.ts'

/** Who is signed in; undefined until the gateway has said so. */
export function useMe(): Me | undefined {
  const [me, setMe] = useState<Me>()
  useEffect(() => {
    const leave = new AbortController()
    askMe(`${basePath()}api/v1/me`, leave.signal).then(
      (answer) => {
        if (answer) setMe(answer)
        else goToLogin('')
      },
      () => {
        // Aborted, since the page is going away.
      },
    )
    return () => {
      leave.abort()
    }
  }, [])
  return me
}
