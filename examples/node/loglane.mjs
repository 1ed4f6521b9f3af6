// Node's log lines to Loglane over HTTP, each request's lines to its user. One file to copy;
// Node 20 or later, and pino where you use it.
//
//   import pino from 'pino'
//   import { member, mixin, requestUser } from './loglane.mjs'
//
//   const log = pino({ mixin }, pino.transport({
//     target: new URL('./loglane.mjs', import.meta.url).href,
//     options: { url: 'http://127.0.0.1:8080/', token: process.env.LOGLANE_TOKEN, member },
//   }))
//   app.use(requestUser((req) => req.user?.name)) // Express, anywhere before the routes
//
// Logging never waits. Lines are sent in their order, again and again until the gateway has
// them, and no sooner than its Retry-After says; their numbers keep a repeated request from
// storing them twice. While the gateway is away 10,000 lines wait; newer ones are dropped, and
// their count becomes a line.

import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'

const current = new AsyncLocalStorage()

/** An Express middleware; nameOf is asked at each line, so a sign-in counts from there on. */
export const requestUser = (nameOf) => (req, _res, next) => current.run(() => nameOf(req), next)

/** Runs f, whose lines are the user's. */
export const asUser = (name, f) => current.run(() => name, f)

/** The member that says whose a line is: no object from outside that is logged can have it. */
export const member = `loglane_${randomBytes(12).toString('hex')}`

/** What pino adds to each line. */
export const mixin = () => {
  const user = current.getStore()?.()
  return user ? { [member]: user } : {}
}

/** The transport that pino starts in a thread of its own: a stream that takes NDJSON. */
export default function transport({ url, token, member: owner = member, queueLines = 10000, flushSeconds = 5 }) {
  token = token?.trim()
  if (!/^[!-~]+$/.test(token ?? '')) throw new Error('token: it is one word, as loglane token create prints it')
  const base = `${url.replace(/\/+$/, '')}/api/v1/logs?`
  const job = `job_${randomUUID()}` // the channel of lines without a user
  const producer = randomBytes(12).toString('base64url')
  const queue = []
  const decoder = new StringDecoder()
  let next = 1
  let rest = ''
  let dropped = 0
  let sending = null
  const leave = new AbortController()

  function take(text) {
    if (text === '') return
    let record
    try {
      record = JSON.parse(text)
    } catch {
      // it is told as text
    }
    const { [owner]: user, ...line } = typeof record === 'object' && record !== null ? record : { msg: text }
    const place = new URLSearchParams(user ? { user } : { channel: job }).toString()
    if (queue.length >= queueLines) {
      dropped++
      return
    }
    if (dropped > 0) {
      queue.push([place, JSON.stringify({ level: 'WARN', msg: `${dropped} lines dropped: the queue was full` })])
      dropped = 0
    }
    queue.push([place, JSON.stringify(line)])
    sending ??= send()
  }

  async function send() {
    while (queue.length > 0) {
      const place = queue[0][0]
      let n = 1
      while (n < 128 && n < queue.length && queue[n][0] === place) n++
      const body = queue.slice(0, n).map(([, line]) => line).join('\n')
      if (!(await post(place, body, n))) break
      queue.splice(0, n)
      next += n
    }
    sending = null
  }

  // Tells whether the lines are done with; if not, it was time to leave.
  async function post(place, body, n) {
    let told = false
    for (let delay = 250; ; delay = Math.min(delay * 2, 5000)) {
      let problem
      let wait = 0
      try {
        const answer = await fetch(base + place, {
          method: 'POST',
          body,
          redirect: 'manual', // a login page is no gateway
          signal: AbortSignal.any([AbortSignal.timeout(10_000), leave.signal]),
          headers: {
            Authorization: `Bearer ${token}`,
            'Content-Type': 'application/x-ndjson',
            Producer: producer,
            'Producer-Seq': String(next),
            'Producer-After': '0,0',
          },
        })
        const text = await answer.text()
        if (answer.ok) {
          for (const { error } of JSON.parse(text).rejected ?? []) console.error(`loglane: a line was refused: ${error}`)
          return true
        }
        problem = `${answer.status} ${text.slice(0, 300)}`
        wait = Math.min(Number(answer.headers.get('retry-after')) || 0, 60) * 1000
        if ([400, 403, 413].includes(answer.status)) {
          console.error(`loglane: ${n} lines were refused: ${problem}`) // sending them again would not help
          return true
        }
      } catch (error) {
        problem = error.cause ?? error
      }
      if (delay > 2000 && !told) {
        console.error(`loglane: the lines wait: ${problem}`)
        told = true
      }
      try {
        await sleep(Math.max(delay, wait), undefined, { signal: leave.signal })
      } catch {
        console.error(`loglane: ${queue.length} lines were not sent: ${problem}`)
        return false
      }
    }
  }

  return new Writable({
    write(chunk, _encoding, done) {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop()
      lines.forEach(take)
      done()
    },
    final(done) {
      take(rest)
      const timer = setTimeout(() => leave.abort(), flushSeconds * 1000)
      Promise.resolve(sending)
        .then(() => clearTimeout(timer))
        .then(() => done(), done)
    },
  })
}
