// As pipe.mjs, but at the end it waits for as long as it takes.
import { pipeline } from 'node:stream/promises'
import transport from '../../../../examples/node/loglane.mjs'

await pipeline(process.stdin, transport({ url: process.env.LOGLANE_URL, token: process.env.LOGLANE_TOKEN, member: 'owner', flushSeconds: 90 }))
