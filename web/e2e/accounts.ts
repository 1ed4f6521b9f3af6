import { binary } from './binary.ts'
import { Program } from './program.ts'

export type Role = 'viewer' | 'operator' | 'admin'

/** The users' file of a gateway, kept with `loglane user`. */
export class Accounts {
  readonly file: string
  readonly #passwords = new Map<string, string>()

  constructor(file: string) {
    this.file = file
  }

  async add(name: string, role: Role): Promise<void> {
    await this.#set(name, `correct horse of ${name}`, ['add', name, '--role', role])
  }

  async changePassword(name: string): Promise<void> {
    await this.#set(name, `another horse of ${name}`, ['passwd', name])
  }

  async changeRole(name: string, role: Role): Promise<void> {
    await this.#run('', ['role', name, role])
  }

  async remove(name: string): Promise<void> {
    await this.#run('', ['remove', name])
  }

  password(name: string): string {
    const password = this.#passwords.get(name)
    if (password === undefined) throw new Error(`the stage has no user ${name}`)
    return password
  }

  async #set(name: string, password: string, args: string[]): Promise<void> {
    this.#passwords.set(name, password)
    await this.#run(`${password}\n`, args)
  }

  async #run(input: string, args: string[]): Promise<void> {
    const verb = ['user', ...args, '--auth-file', this.file]
    await new Program(binary('LOGLANE_BIN'), verb, { input }).succeed()
  }
}
