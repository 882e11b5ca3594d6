import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'

/** Dies where code runs, where a request goes or where a file is written that a hostile `.git` asks for. */
export class Canary {
  /** A program that tells that it ran. */
  readonly program: string
  /** The same, and hands on what it is given, as a filter does. */
  readonly filter: string
  /** Where nothing is to be written. */
  readonly outside: string
  readonly #server: ScriptedServer
  readonly #log: string

  static async create(directory: string): Promise<Canary> {
    mkdirSync(directory)
    return new Canary(directory, await startScriptedServer(() => ({ status: 404, headers: {} })))
  }

  private constructor(directory: string, server: ScriptedServer) {
    this.#server = server
    this.#log = join(directory, 'log')
    this.program = join(directory, 'program')
    this.filter = join(directory, 'filter')
    this.outside = join(directory, 'outside')
    const tell = `#!/bin/sh\necho "$0 $1" >> '${this.#log}'\n`
    writeFileSync(this.program, tell)
    writeFileSync(this.filter, `${tell}cat\n`)
    for (const program of [this.program, this.filter]) chmodSync(program, 0o755)
    this.reset()
  }

  /** A server that nobody is to ask. */
  get url(): string {
    return this.#server.url
  }

  /** What ran, was asked or was written. */
  get signs(): readonly string[] {
    const ran = existsSync(this.#log) ? readFileSync(this.#log, 'utf8').trim().split('\n') : []
    const asked = this.#server.log.map(({ method, path }) => `${method} ${path}`)
    const written = readdirSync(this.outside).map((name) => `wrote ${name}`)
    return [...ran, ...asked, ...written]
  }

  reset(): void {
    rmSync(this.#log, { force: true })
    rmSync(this.outside, { recursive: true, force: true })
    mkdirSync(this.outside)
    this.#server.log.length = 0
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}
