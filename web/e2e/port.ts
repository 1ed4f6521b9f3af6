import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the ports that the system gives to clients: a server that is away for a moment
// would else lose its port to one of them, even to the very client that looks for it.
const lowest = 15_000
const highest = 32_000

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => {
      resolve(false)
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
}
