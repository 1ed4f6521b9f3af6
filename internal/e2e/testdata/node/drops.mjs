// Writes 100 lines into a queue of 5, and one more when standard input ends.
import { setTimeout as sleep } from 'node:timers/promises'
import transport from '../../../../examples/node/loglane.mjs'

const { LOGLANE_URL: url, LOGLANE_TOKEN: token } = process.env
const stream = transport({ url, token, member: 'owner', queueLines: 5, flushSeconds: 20 })
const log = (msg) => stream.write(JSON.stringify({ owner: 'alice', msg }) + '\n')
for (let n = 1; n <= 100; n++) log(`line ${n}`)
console.log('written')
for await (const _ of process.stdin);
await sleep(500) // until the answer to what was sent is here
log('the last line')
stream.end()
