import { expect, it } from 'vitest'
import { askedChannel, streamUrl } from '../address.ts'
import type { StreamState } from '../stream/types.ts'
import { statusWords, watchersWords } from './statusWords.ts'

const waiting = (reason: string, limit: boolean): StreamState => ({
  kind: 'waiting',
  until: 5_400,
  reason,
  limit,
})

it.each<[StreamState, string, string]>([
  [{ kind: 'connecting' }, 'connecting', 'connecting'],
  [{ kind: 'catching-up', lines: 12 }, 'catching-up', 'catching up 12'],
  [{ kind: 'live' }, 'connected', 'connected'],
  [waiting('the connection was lost', false), 'reconnecting', 'reconnecting in 5 s'],
  [waiting('too many streams', true), 'limit', 'too many streams · trying again in 5 s'],
  [{ kind: 'ended', reason: 'expired' }, 'signed-out', 'expired'],
  [{ kind: 'forbidden', message: 'no' }, 'forbidden', 'no'],
  [{ kind: 'forbidden', message: '' }, 'forbidden', 'you may not read this channel'],
  [{ kind: 'rejected', message: 'level: \u001b[2J' }, 'rejected', '␛[2J'],
])('puts %j into words', (state, name, words) => {
  const got = statusWords(state, 1_000)
  expect(got.state).toBe(name)
  expect(`${got.text} ${got.count}`).toContain(words)
})

it('passes the page’s own parameters to the stream', () => {
  expect(streamUrl('/logs/', '?channel=global&level=warning&next=x')).toBe(
    '/logs/api/v1/stream?channel=global&level=warning&ping=15',
  )
  expect(streamUrl('/', '?user=bob%26co')).toBe('/api/v1/stream?user=bob%26co&ping=15')
  expect(askedChannel('?user=bob')).toBe('user bob')
  expect(askedChannel('')).toBeUndefined()
})

it.each([
  [0, ''],
  [1, 'An operator is watching'],
  [12, '12 operators are watching'],
])('says that %i watch', (count, words) => {
  expect(watchersWords(count)).toBe(words)
})
