// An app whose middleware is called as Express does, with a logger that writes as pino does.
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import transport, { asUser, mixin, requestUser } from '../../../../examples/node/loglane.mjs'

const stream = transport({ url: process.env.LOGLANE_URL, token: process.env.LOGLANE_TOKEN, flushSeconds: 20 })
const log = (msg) => stream.write(JSON.stringify({ level: 30, time: Date.now(), pid: process.pid, user: 'mallory', ...mixin(), msg }) + '\n')
const users = requestUser((req) => req.user?.name)

const server = createServer((req, res) => {
  users(req, res, async () => {
    const { pathname: path, searchParams } = new URL(req.url, 'http://app')
    log(`before ${path}`)
    req.user = { name: searchParams.get('name') } // signs in
    await sleep(Math.random() * 20)
    log(`after ${path}`)
    res.end()
  })
})
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address()
  const names = ['alice', 'bob']
  await Promise.all(Array.from({ length: 20 }, (_, i) => fetch(`http://127.0.0.1:${port}/${i}?name=${names[i % 2]}`)))
  asUser('alice', () => log('alice did it'))
  server.close()
  server.closeAllConnections()
  stream.end()
})
