import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { freePort } from './port.ts'

/** A proxy before a gateway that tells who its users are, as a sign-in of its own would. */
export class Proxy {
  readonly url: string
  /** Whom it names in Remote-User; undefined is nobody. */
  user: string | undefined
  /** Whether it lets the gateway's cookies through to the browser. */
  cookies = true
  readonly #server: Server
  readonly #target: () => string

  private constructor(port: number, target: () => string) {
    this.url = `http://127.0.0.1:${port}/`
    this.#target = target
    this.#server = createServer((asked, answer) => {
      this.#pass(asked, answer)
    })
  }

  /** Starts one, gone after the test; target is asked for the gateway's URL. */
  static async start(target: () => string): Promise<Proxy> {
    const port = await freePort()
    const proxy = new Proxy(port, target)
    await new Promise<void>((resolve) => proxy.#server.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => {
      proxy.cut()
      proxy.#server.close()
    })
    return proxy
  }

  /** Cuts all connections that are open. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const headers = { ...asked.headers }
    delete headers['remote-user']
    if (this.user !== undefined) headers['remote-user'] = this.user
    const onward = request(new URL(asked.url ?? '/', this.#target()), { method: asked.method, headers }, (found) => {
      const kept = { ...found.headers }
      if (!this.cookies) delete kept['set-cookie']
      answer.writeHead(found.statusCode ?? 502, kept)
      found.pipe(answer)
      found.on('error', () => answer.destroy())
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  }
}
