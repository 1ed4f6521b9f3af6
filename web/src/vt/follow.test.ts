import { expect, it, vi } from 'vitest'
import { Follow } from './follow.ts'

function made() {
  const changed = vi.fn()
  return { follow: new Follow(changed), changed }
}

it('follows until the reader scrolls up, and again at the end', () => {
  const { follow, changed } = made()
  expect(follow.following).toBe(true)
  follow.scrolled(false)
  expect([follow.following, follow.reading]).toEqual([false, true])
  follow.scrolled(true)
  expect(follow.following).toBe(true)
  expect(changed).toHaveBeenCalledTimes(2)
})

it('holds from the press over the selection until it is cleared', () => {
  const { follow } = made()
  follow.pressed(true)
  follow.selected(true)
  follow.pressed(false)
  expect(follow.following).toBe(false)
  follow.selected(false)
  expect(follow.following).toBe(true)
})

it('goes on after a mere click', () => {
  const { follow } = made()
  follow.pressed(true)
  follow.pressed(false)
  expect(follow.following).toBe(true)
})

it('does not draw below while something is selected above', () => {
  const { follow } = made()
  follow.scrolled(false)
  follow.selected(true)
  expect(follow.reading).toBe(false)
})

it('keeps a pause when the end is reached', () => {
  const { follow } = made()
  follow.pause(true)
  follow.scrolled(true)
  expect([follow.following, follow.paused]).toEqual([false, true])
})

it('resumes whatever held it, and tells once', () => {
  const { follow, changed } = made()
  follow.scrolled(false)
  follow.selected(true)
  follow.pause(true)
  changed.mockClear()
  follow.resume()
  follow.resume()
  expect(follow.following).toBe(true)
  expect(changed).toHaveBeenCalledTimes(1)
})
