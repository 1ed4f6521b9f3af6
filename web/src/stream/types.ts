/** One line of the log as the server sent it. */
export interface Line {
  /** Absent for a line that has no place in the history. */
  id?: string
  data: string
}

/** Lines are missing at this point of the stream. */
export interface Gap {
  id?: string
  /** trimmed, rewritten, epoch, expired or slow; newer servers may add others. */
  reason: string
  /** null where the number cannot be known. */
  missed: number | null
}

/** How the stream stands. There is always exactly one true state. */
export type StreamState =
  | { kind: 'connecting' }
  | { kind: 'catching-up'; lines: number }
  | { kind: 'live' }
  | { kind: 'upstream-down' }
  /** until is a Date.now() time; limit says that the server refused on purpose. */
  | { kind: 'waiting'; until: number; reason: string; limit: boolean }
  | { kind: 'ended'; reason: string }
  | { kind: 'signed-out' }
  | { kind: 'forbidden'; message: string }
  | { kind: 'rejected'; message: string }

/** What a stream reports. Calls are serial, in the order of the stream. */
export interface StreamHandler {
  line(line: Line): void
  gap(gap: Gap): void
  /** Something the reader should know, at this place of the log. */
  notice(text: string): void
  state(state: StreamState): void
  /** How many others watch this channel, since the stream was opened. */
  watchers(count: number): void
  /** The login is not valid (any more); reason is what the server said, or ''. */
  unauthorized(reason: string): void
}
