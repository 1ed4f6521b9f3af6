import { endReason } from '../record/ending.ts'
import { plain } from '../record/visible.ts'
import type { StreamState } from '../stream/types.ts'

export interface StatusWords {
  /** For scripts and style: stable names. */
  state: string
  tone: 'good' | 'busy' | 'bad'
  sign: string
  text: string
  /** What changes too often to be read aloud. */
  count: string
}

/** The state of the stream in words. */
export function statusWords(state: StreamState, now: number): StatusWords {
  switch (state.kind) {
    case 'connecting':
      return { state: 'connecting', tone: 'busy', sign: '◌', text: 'connecting', count: '' }
    case 'catching-up': {
      const count = state.lines === 0 ? '' : String(state.lines)
      return { state: 'catching-up', tone: 'busy', sign: '◐', text: 'catching up', count }
    }
    case 'live':
      return { state: 'connected', tone: 'good', sign: '●', text: 'connected', count: '' }
    case 'upstream-down':
      return {
        state: 'upstream-down',
        tone: 'bad',
        sign: '▲',
        text: 'connected, but the log broker is away: lines will follow when it is back',
        count: '',
      }
    case 'waiting': {
      const seconds = Math.max(0, Math.ceil((state.until - now) / 1000))
      const why = plain(state.reason).replace(/\.$/, '')
      return {
        state: state.limit ? 'limit' : 'reconnecting',
        tone: 'bad',
        sign: '▲',
        text: state.limit ? `${why || 'limit reached'} · trying again` : `${why} · reconnecting`,
        count: `in ${seconds} s`,
      }
    }
    case 'ended':
      return {
        state: 'signed-out',
        tone: 'bad',
        sign: '■',
        text: endReason(plain(state.reason)),
        count: '',
      }
    case 'signed-out':
      return { state: 'signed-out', tone: 'bad', sign: '■', text: 'signed out', count: '' }
    case 'forbidden':
      return {
        state: 'forbidden',
        tone: 'bad',
        sign: '■',
        text: plain(state.message) || 'you may not read this channel',
        count: '',
      }
    case 'rejected':
      return {
        state: 'rejected',
        tone: 'bad',
        sign: '■',
        text: `the server refused the request: ${plain(state.message)}`,
        count: '',
      }
  }
}

/** Who else watches the channel, in words; '' is nobody. */
export function watchersWords(count: number): string {
  if (count === 0) return ''
  return count === 1 ? 'An operator is watching' : `${count} operators are watching`
}
