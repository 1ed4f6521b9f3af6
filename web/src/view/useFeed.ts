import { useSyncExternalStore } from 'react'
import type { Feed, FeedView } from '../feed.ts'

/** The feed's counts and state, a few times a second. */
export function useFeed(feed: Feed): FeedView {
  return useSyncExternalStore(feed.subscribe, feed.view)
}
