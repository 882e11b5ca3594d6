import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import type { Environment } from '../environment.ts'
import { ActionError } from '../errors.ts'
import { findProgram } from '../programs.ts'

/** A private key, and whom it may be shown to. */
export interface SshKey {
  /** In PEM form, no line break at its end. */
  readonly key: string
  /** Lines in the format of `known_hosts`, on top of the user's own and github.com's. */
  readonly knownHosts: string | undefined
  /** Whether a host whose key is not known is refused; otherwise the user's SSH configuration decides. */
  readonly isStrict: boolean
  /** Who to log in as. */
  readonly user: string
}

export interface SshFiles {
  readonly key: string
  readonly knownHosts: string
}

/** The keys in https://api.github.com/meta, whose fingerprints GitHub publishes in its documentation. */
const GITHUB_HOST_KEYS = [
  'github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
  'github.com ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKg' +
    'wFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=',
  'github.com ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCj7ndNxQowgcQnjshcLrqPEiiphnt+VTTvDP6mHBL9j1aNUkY4Ue1gvwnG' +
    'LVlOhGeYrnZaMgRK6+PKCUXaDbC7qtbW8gIkhL7aGCsOr/C56SJMy/BCZfxd1nWzAOxSDPgVsmerOBYfNqltV9/hWCqBywINIR+5dIg6' +
    'JTJ72pcEpEjcYgXkE2YEFXV1JHnsKgbLWNlhScqb2UmyRkQyytRLtL+38TGxkxCflmO+5Z8CSSNY7GidjMIZ7Q4zMjA2n1nGrlTDkzwD' +
    'Csw+wqFPGQA179cnfGWOWRVruj16z6XyvxvjJwbz0wQZ75XK5tKSb7FNyeIEs4TT4jk+S4dhPeAUC5y+bDYirYgM4GC7uEnztnZyaVWQ' +
    '7B381AK4Qdrwt51ZqExKbQpTUNn+EjqoTwvqNj4kqx5QUCI0ThS/YkOxJCXmPUWZbhjpCg56i+2aB6CmK2JGhn57K5mj0MNdBXA4/Wnw' +
    'H6XoPWJzK5Nyu2zB3nAZp+S5hpQs+p1vN1/wsjk=',
]

/** Paths that nobody else has. */
export function sshFilesIn(temp: string): SshFiles {
  const key = join(temp, randomUUID())
  return { key, knownHosts: `${key}_known_hosts` }
}

/** Writes both files, readable by this user alone: SSH refuses a key that others can read. */
export async function writeSshFiles(files: SshFiles, ssh: SshKey, env: Environment): Promise<void> {
  await mkdir(join(files.key, '..'), { recursive: true })
  const onlyMine = { mode: 0o600, flag: 'wx' }
  await writeFile(files.key, `${ssh.key.trim()}\n`, onlyMine)
  await writeFile(files.knownHosts, await knownHostsText(ssh, env), onlyMine)
}

async function knownHostsText(ssh: SshKey, env: Environment): Promise<string> {
  const users = join(env.HOME || homedir(), '.ssh', 'known_hosts')
  const usersText = await readFile(users, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return [usersText, ssh.knownHosts ?? '', ...GITHUB_HOST_KEYS].map((text) => `${text}\n`).join('')
}

/**
 * What git is to run in place of `ssh`, for a shell in which RUNNER_TEMP names the directory of the files: a
 * container has them elsewhere. Looks for `ssh` on the PATH.
 */
export async function sshCommand(files: SshFiles, ssh: SshKey, env: Environment): Promise<string> {
  const inTemp = (path: string) => `$RUNNER_TEMP/${basename(path)}`
  return [
    `"${await sshProgram(env)}" -i "${inTemp(files.key)}"`,
    ...(ssh.isStrict ? ['-o StrictHostKeyChecking=yes -o CheckHostIP=no'] : []),
    `-o "UserKnownHostsFile=${inTemp(files.knownHosts)}"`,
  ].join(' ')
}

async function sshProgram(env: Environment): Promise<string> {
  const path = await findProgram('ssh', env)
  if (path !== undefined) return path
  throw new ActionError(
    'GIT_FAILED',
    'Input ssh-key is set, but ssh was not found on the PATH: install an SSH client, or use token instead',
  )
}
