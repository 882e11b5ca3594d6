import { randomUUID } from 'node:crypto'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import type { Environment } from '../environment.ts'
import { addSettings } from './config-file.ts'
import { type Git, gitOutside } from './git.ts'
import {
  inclusions,
  type PersistedCredentials,
  removeEarlier,
  removePersisted,
} from './persisted-credentials.ts'
import { type Setting, settingsEnvironment } from './settings.ts'
import { type SshKey, sshCommand, sshFilesIn, writeSshFiles } from './ssh.ts'

export interface CredentialsOptions {
  /** Where secrets may lie, the directory that RUNNER_TEMP names. */
  readonly temp: string
  /** Of GitHub: the token goes to its origin only. */
  readonly serverUrl: URL
  readonly token?: string | undefined
  readonly ssh?: SshKey | undefined
  /** Of the organization that owns the repository: GitHub gives its submodules' addresses a user of that name. */
  readonly ownerId?: number | undefined
  /** What git gets anyway: the variables here count their settings on from those. */
  readonly env: Environment
  /** Told before a file is made, and each time with everything: what `removeCredentials` wants to know. */
  readonly onCredentials: (state: string) => void
}

export interface PersistOptions {
  /** Where `.git` lies now. */
  readonly gitDirectory: string
  /** Where it will lie, symlinks resolved. */
  readonly finalGitDirectory: string
  /** GITHUB_WORKSPACE, which container actions see at another path. */
  readonly workspace: string
  /** Final git directories of the submodules. */
  readonly submodules: readonly string[]
}

/** Removal goes on after a cancelled step, but not for ever. */
const REMOVAL_LIMIT_MS = 5_000

/** What lets git in at the origin. The token is on disk only once persisted, the SSH key until `remove`. */
export class Credentials {
  /** On top of the environment, for git commands that talk to the origin. */
  readonly env: Environment
  /** The same for its submodules, whose addresses may be for SSH though only a token is there. */
  readonly submoduleEnv: Environment
  readonly #options: CredentialsOptions
  readonly #sshCommand: string | undefined
  #persisted: PersistedCredentials

  static async create(options: CredentialsOptions): Promise<Credentials> {
    const { ssh, env, temp } = options
    if (ssh === undefined) return new Credentials(options, { files: [], command: undefined })
    const files = sshFilesIn(temp)
    const command = await sshCommand(files, ssh, env)
    const paths = Object.values(files)
    options.onCredentials(stateOf({ files: paths, gitDirectories: [] }))
    await writeSshFiles(files, ssh, env)
    return new Credentials(options, { files: paths, command })
  }

  private constructor(
    options: CredentialsOptions,
    ssh: { readonly files: readonly string[]; readonly command: string | undefined },
  ) {
    const { env, temp } = options
    this.#options = options
    this.#sshCommand = ssh.command
    this.#persisted = { files: ssh.files, gitDirectories: [] }
    const login = ssh.command === undefined ? {} : { GIT_SSH_COMMAND: ssh.command, RUNNER_TEMP: temp }
    this.env = { ...login, ...settingsEnvironment(this.#headers, env) }
    this.submoduleEnv = { ...login, ...settingsEnvironment([...this.#headers, ...this.#rewrites], env) }
  }

  /** As actions/checkout writes it; it takes a clone with any other address for another repository's. */
  originUrl({ owner, name }: { readonly owner: string; readonly name: string }): string {
    const { serverUrl, ssh } = this.#options
    const path = `${encodeURIComponent(owner)}/${encodeURIComponent(name)}`
    return ssh === undefined ? `${serverUrl.origin}/${path}` : `${ssh.user}@${serverUrl.hostname}:${path}.git`
  }

  /** Lets the steps that follow in: what they run reads the token and the key outside of the workspace. */
  async persist(where: PersistOptions): Promise<void> {
    const { gitDirectory, finalGitDirectory, submodules } = where
    const { temp, onCredentials } = this.#options
    const headers = this.#headers
    const file = join(temp, `git-credentials-${randomUUID()}.config`)
    this.#persisted = {
      files: headers.length === 0 ? this.#persisted.files : [...this.#persisted.files, file],
      gitDirectories: [finalGitDirectory, ...submodules],
    }
    onCredentials(stateOf(this.#persisted))
    if (headers.length > 0) await this.#writeHeader(file)
    const workspace = await realpath(where.workspace)
    for (const directory of this.#persisted.gitDirectories) {
      const config = join(resolve(gitDirectory, relative(finalGitDirectory, directory)), 'config')
      await addSettings(config, this.#settingsFor(directory, file, { finalGitDirectory, workspace }))
    }
  }

  /** Makes a clone that is used again fit for these credentials, its submodules included. */
  async removeEarlier(gitDirectory: string, git: Git): Promise<void> {
    const { temp, serverUrl } = this.#options
    await removeEarlier(gitDirectory, { temp, origin: serverUrl.origin, git })
  }

  /** Removes the files and what names them; may be called twice. */
  async remove(): Promise<void> {
    await removeCredentials(stateOf(this.#persisted), this.#options.env)
  }

  get #headers(): readonly Setting[] {
    const { token, serverUrl } = this.#options
    if (token === undefined) return []
    return [[`http.${serverUrl.origin}/.extraheader`, `AUTHORIZATION: basic ${basicCredentials(token)}`]]
  }

  get #rewrites(): readonly Setting[] {
    const { ssh, serverUrl, ownerId } = this.#options
    if (ssh !== undefined) return []
    const users = [
      `git@${serverUrl.hostname}:`,
      ...(ownerId === undefined ? [] : [`org-${ownerId}@github.com:`]),
    ]
    return users.map((user): Setting => [`url.${serverUrl.origin}/.insteadOf`, user])
  }

  async #writeHeader(file: string): Promise<void> {
    const text = this.#headers.map(([, value]) => `\textraheader = ${value}\n`).join('')
    await mkdir(this.#options.temp, { recursive: true })
    const section = `[http "${this.#options.serverUrl.origin}/"]\n`
    await writeFile(file, `${section}${text}`, { mode: 0o600, flag: 'wx' })
  }

  #settingsFor(
    directory: string,
    credentialsFile: string,
    where: Pick<PersistOptions, 'finalGitDirectory' | 'workspace'>,
  ): readonly Setting[] {
    const isSubmodule = directory !== where.finalGitDirectory
    const below = isSubmodule ? [''] : ['', '/worktrees/*']
    const inclusion = { credentialsFile, gitDirectory: directory, below, workspace: where.workspace }
    return [
      ...(this.#headers.length === 0 ? [] : inclusions(inclusion)),
      ...(isSubmodule ? this.#rewrites : []),
      ...(this.#sshCommand === undefined ? [] : [['core.sshCommand', this.#sshCommand] as const]),
    ]
  }
}

function basicCredentials(token: string): string {
  return Buffer.from(`x-access-token:${token}`, 'utf8').toString('base64')
}

/** For the step after the job: removes what `onCredentials` was last told of; twice is no error. */
export async function removeCredentials(state: string, env: Environment): Promise<void> {
  // Of the directories it is told of, some may be gone.
  const git = gitOutside(tmpdir(), { env, signal: AbortSignal.timeout(REMOVAL_LIMIT_MS) })
  await removePersisted(JSON.parse(state) as PersistedCredentials, git)
}

function stateOf(persisted: PersistedCredentials): string {
  return JSON.stringify(persisted)
}

/**
 * Lets git work in a directory that belongs to somebody else, as a workspace does in a container job. Variables
 * on top of `env`; git older than 2.38 takes this setting from files only.
 */
export function safeDirectoryEnv(path: string, env: Environment): Environment {
  return settingsEnvironment([['safe.directory', path]], env)
}
