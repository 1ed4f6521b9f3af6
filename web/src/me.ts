import { Backoff } from './stream/backoff.ts'

/** Who is signed in, as the gateway says. */
export interface Me {
  name: string
  roles: string[]
  /** Channels granted beside the own one. */
  channels: string[]
  /** The own channel. */
  channel: string
  /** Whether there is a session to sign out of, and not another application's login. */
  signOut: boolean
}

/** Asks who is signed in until there is an answer; undefined if nobody is. */
export async function askMe(url: string, signal: AbortSignal): Promise<Me | undefined> {
  const backoff = new Backoff(Math.random)
  for (;;) {
    try {
      const answer = await fetch(url, {
        headers: { Accept: 'application/json' },
        cache: 'no-store',
        redirect: 'manual',
        signal,
      })
      if (answer.status === 401 || answer.type === 'opaqueredirect') return undefined
      if (answer.ok) return asMe(await answer.json())
    } catch (error) {
      if (signal.aborted) throw error
      // Not reachable now: the stream says so on the page, and this tries again.
    }
    await new Promise((resolve) => setTimeout(resolve, backoff.next()))
    signal.throwIfAborted()
  }
}

function asMe(value: unknown): Me {
  const fields = (value ?? {}) as Partial<Record<keyof Me, unknown>>
  return {
    name: typeof fields.name === 'string' ? fields.name : '',
    channel: typeof fields.channel === 'string' ? fields.channel : '',
    roles: strings(fields.roles),
    channels: strings(fields.channels),
    signOut: fields.signOut === true,
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
