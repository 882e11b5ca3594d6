import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join, posix, relative, win32 } from 'node:path'
import { settingsOf } from './config-file.ts'
import type { Git } from './git.ts'
import { entriesIn } from './presence.ts'
import type { Setting } from './settings.ts'

/** All that has to be removed after the job. */
export interface PersistedCredentials {
  readonly files: readonly string[]
  /** Their `config` may name the files. */
  readonly gitDirectories: readonly string[]
}

const CONTAINER_WORKSPACE = '/github/workspace'
const CONTAINER_TEMP = '/github/runner_temp'

/** What the files of actions/checkout and of this action are called. */
const CREDENTIALS_FILE = /^git-credentials-[0-9a-f-]+\.config$/i

export interface Inclusion {
  readonly credentialsFile: string
  /** Where it will lie. */
  readonly gitDirectory: string
  /** Patterns, to be put behind its path, of the git directories that belong to it; empty for itself. */
  readonly below: readonly string[]
  readonly workspace: string
}

/**
 * Settings by which git reads the credentials in this git directory and nowhere else: where it is for the steps
 * of the job, and where container actions find it.
 */
export function inclusions(inclusion: Inclusion): readonly Setting[] {
  const { credentialsFile, gitDirectory, below, workspace } = inclusion
  const inContainer = posix.join(CONTAINER_WORKSPACE, slashed(relative(workspace, gitDirectory)))
  const places = [
    { path: slashed(gitDirectory), value: credentialsFile },
    { path: inContainer, value: posix.join(CONTAINER_TEMP, basename(credentialsFile)) },
  ]
  return places.flatMap(({ path, value }) =>
    below.map((pattern): Setting => [`includeIf.gitdir:${escaped(path)}${pattern}.path`, value]),
  )
}

/** Git takes the path for a pattern. */
function escaped(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&')
}

function slashed(path: string): string {
  return process.platform === 'win32' ? path.replaceAll('\\', '/') : path
}

/** Removes the files first, they are the secret, then what names them. What is gone already is no error. */
export async function removePersisted(persisted: PersistedCredentials, git: Git): Promise<void> {
  for (const file of persisted.files) await rm(file, { force: true })
  const names = persisted.files.map((file) => basename(file))
  for (const directory of persisted.gitDirectories) {
    const file = join(directory, 'config')
    await removeSettings(file, git, ([key, value]) => {
      if (isInclusion(key)) return names.includes(basenameAnywhere(value))
      return key === 'core.sshcommand' && names.some((name) => value.includes(name))
    })
  }
}

/**
 * Removes what earlier steps of this action or of actions/checkout left in a clone and in its submodules, with
 * the files in `temp` that it names: git would send both their credentials and ours, which servers refuse.
 */
export async function removeEarlier(
  gitDirectory: string,
  { origin, temp, git }: { readonly origin: string; readonly temp: string; readonly git: Git },
): Promise<void> {
  const keys = ['core.sshcommand', `http.${origin}/.extraheader`, `url.${origin}/.insteadof`]
  for (const directory of [gitDirectory, ...(await submodulesIn(gitDirectory))]) {
    const removed = await removeSettings(join(directory, 'config'), git, ([key, value]) =>
      isInclusion(key) ? isCredentialsFile(value) : keys.includes(key),
    )
    for (const [, value] of removed) {
      if (isCredentialsFile(value) && dirname(value) === temp) await rm(value, { force: true })
    }
  }
}

function isInclusion(key: string): boolean {
  return key.startsWith('includeif.gitdir:') && key.endsWith('.path')
}

function isCredentialsFile(path: string): boolean {
  return CREDENTIALS_FILE.test(basenameAnywhere(path))
}

/** A path in a container has slashes on every machine. */
function basenameAnywhere(path: string): string {
  return process.platform === 'win32' ? win32.basename(path) : posix.basename(path)
}

async function removeSettings(
  file: string,
  git: Git,
  isDoomed: (setting: Setting) => boolean,
): Promise<readonly Setting[]> {
  if (!existsSync(file)) return []
  const doomed = (await settingsOf(file, git)).filter(isDoomed)
  const inclusionsToo = doomed.map(([key, value]) =>
    // Only the values of inclusions may stand in argv; a header is a secret.
    isInclusion(key) ? [key, `^${value.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}$`] : [key],
  )
  const unsettings = new Map(inclusionsToo.map((args) => [args.join('\n'), args]))
  for (const args of unsettings.values()) await git.run(['config', '--file', file, '--unset-all', ...args])
  return doomed
}

/** Git directories of submodules at any depth; a submodule's name may have slashes. */
async function submodulesIn(gitDirectory: string): Promise<readonly string[]> {
  const found: string[] = []
  const pending = [join(gitDirectory, 'modules')]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const entries = await entriesIn(path)
    if (entries.some(({ name }) => name === 'HEAD')) {
      found.push(path)
      pending.push(join(path, 'modules'))
    } else {
      for (const entry of entries) if (entry.isDirectory()) pending.push(join(path, entry.name))
    }
  }
  return found
}
