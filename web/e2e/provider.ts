import { onTestFinished, vi } from 'vitest'
import { binary } from './binary.ts'
import { Program } from './program.ts'

/** An OpenID Connect provider with alice and bob, whose password is "verysecure". */
export class Provider {
  readonly issuer: string
  readonly #server: Program

  private constructor(issuer: string, server: Program) {
    this.issuer = issuer
    this.#server = server
  }

  /** Starts one, gone after the test, for a gateway that may come later. */
  static async start(port: number, gateway: string, groups: string): Promise<Provider> {
    const args = ['-addr', `127.0.0.1:${port}`, '-gateway', gateway, '-groups', groups]
    const server = new Program(binary('OIDC_BIN'), args)
    onTestFinished(() => server.end('SIGKILL'))
    const provider = new Provider(`http://127.0.0.1:${port}`, server)
    await vi.waitFor(
      async () => {
        if (!server.running) throw server.trouble('ended')
        await fetch(`${provider.issuer}/.well-known/openid-configuration`)
      },
      { timeout: 10_000, interval: 20 },
    )
    return provider
  }

  get output(): string {
    return this.#server.output
  }
}
