import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { basicCredential } from './github-server.ts'

type Access = {
  readonly temp: string
  readonly server: URL
  readonly gitDirectory: string
  /** Where a container step has it. */
  readonly containerGitDirectory: string
  readonly token: string
  readonly sshKey: string | undefined
  readonly sshKnownHosts: string | undefined
  /** The program's path. */
  readonly ssh: string
}

type Git = (...args: string[]) => Promise<string>

/** What git-auth-helper.ts of actions/checkout v7 puts on disk and into git's settings. */
export class ReferenceCredentials {
  readonly #access: Access
  readonly #file: string
  readonly #keyFile: string

  constructor(access: Access) {
    this.#access = access
    this.#file = join(access.temp, `git-credentials-${randomUUID()}.config`)
    this.#keyFile = join(access.temp, randomUUID())
  }

  /** The temporary global configuration that submodules are fetched with. */
  get global(): string {
    const { server, sshKey } = this.#access
    const rewriting = sshKey ? '' : `[url "${server.origin}/"]\n\tinsteadOf = git@${server.hostname}:\n`
    return `[include]\n\tpath = ${this.#file}\n${rewriting}`
  }

  /** Puts the files there and returns the variables that ssh needs. */
  async write(): Promise<Record<string, string>> {
    const { server, token, sshKey, sshKnownHosts = '' } = this.#access
    const header = `AUTHORIZATION: basic ${basicCredential(token)}`
    await writeFile(this.#file, `[http "${server.origin}/"]\n\textraheader = ${header}\n`)
    if (!sshKey) return {}
    await writeFile(this.#keyFile, `${sshKey.trim()}\n`, { mode: 0o600 })
    await writeFile(`${this.#keyFile}_known_hosts`, `${sshKnownHosts}\n`)
    return { GIT_SSH_COMMAND: this.#sshCommand }
  }

  async configure(git: Git, isPersistent: boolean): Promise<void> {
    if (this.#access.sshKey && isPersistent)
      await git('config', '--local', 'core.sshCommand', this.#sshCommand)
    for (const [key, value] of this.#includes) await git('config', '--local', key, value)
  }

  async configureSubmodule(git: Git, gitDirectory: string): Promise<void> {
    const { server, sshKey, containerGitDirectory } = this.#access
    const container = join(containerGitDirectory, relative(this.#access.gitDirectory, gitDirectory))
    const config = async (...args: string[]) => git('config', '--file', join(gitDirectory, 'config'), ...args)
    await config(`includeIf.gitdir:${gitDirectory}.path`, this.#file)
    await config(`includeIf.gitdir:${container}.path`, this.#containerFile)
    if (sshKey) await config('core.sshCommand', this.#sshCommand)
    else await config('--add', `url.${server.origin}/.insteadOf`, `git@${server.hostname}:`)
  }

  async remove(git: Git): Promise<void> {
    for (const [key] of this.#includes) await git('config', '--local', '--unset-all', key)
    for (const file of [this.#file, this.#keyFile, `${this.#keyFile}_known_hosts`])
      await rm(file, { force: true })
  }

  get #includes(): [key: string, value: string][] {
    const { gitDirectory, containerGitDirectory } = this.#access
    return [
      [`includeIf.gitdir:${gitDirectory}.path`, this.#file],
      [`includeIf.gitdir:${gitDirectory}/worktrees/*.path`, this.#file],
      [`includeIf.gitdir:${containerGitDirectory}.path`, this.#containerFile],
      [`includeIf.gitdir:${containerGitDirectory}/worktrees/*.path`, this.#containerFile],
    ]
  }

  get #containerFile(): string {
    return join('/github/runner_temp', basename(this.#file))
  }

  get #sshCommand(): string {
    const name = basename(this.#keyFile)
    return `"${this.#access.ssh}" -i "$RUNNER_TEMP/${name}" -o StrictHostKeyChecking=yes -o CheckHostIP=no -o "UserKnownHostsFile=$RUNNER_TEMP/${name}_known_hosts"`
  }
}
