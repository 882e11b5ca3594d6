import type { Dirent } from 'node:fs'
import { access, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join, posix, relative, win32 } from 'node:path'
import type { Git } from './git.ts'

/** All that has to be removed after the job. */
export interface PersistedCredentials {
  readonly files: readonly string[]
  /** Their `config` may name the files. */
  readonly gitDirectories: readonly string[]
}

/** One setting of a config file. Git lists keys with section and name in lower case. */
interface Entry {
  readonly key: string
  readonly value: string
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
export function inclusions(inclusion: Inclusion): readonly Entry[] {
  const { credentialsFile, gitDirectory, below, workspace } = inclusion
  const inContainer = posix.join(CONTAINER_WORKSPACE, slashed(relative(workspace, gitDirectory)))
  const places = [
    { path: slashed(gitDirectory), value: credentialsFile },
    { path: inContainer, value: posix.join(CONTAINER_TEMP, basename(credentialsFile)) },
  ]
  return places.flatMap(({ path, value }) =>
    below.map((pattern) => ({ key: `includeIf.gitdir:${escaped(path)}${pattern}.path`, value })),
  )
}

/** Git takes the path for a pattern. */
function escaped(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&')
}

function slashed(path: string): string {
  return process.platform === 'win32' ? path.replaceAll('\\', '/') : path
}

/** Adds to a config file; what it has under the same keys stays. */
export async function addSettings(file: string, entries: readonly Entry[], git: Git): Promise<void> {
  for (const { key, value } of entries) await git.run(['config', '--file', file, '--add', key, value])
}

/** Removes the files first, they are the secret, then what names them. What is gone already is no error. */
export async function removePersisted(persisted: PersistedCredentials, git: Git): Promise<void> {
  for (const file of persisted.files) await rm(file, { force: true })
  const names = persisted.files.map((file) => basename(file))
  for (const directory of persisted.gitDirectories) {
    const file = join(directory, 'config')
    await removeSettings(file, git, ({ key, value }) => {
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
    const removed = await removeSettings(join(directory, 'config'), git, (entry) =>
      isInclusion(entry.key) ? isCredentialsFile(entry.value) : keys.includes(entry.key),
    )
    for (const { value } of removed) {
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
  isDoomed: (entry: Entry) => boolean,
): Promise<readonly Entry[]> {
  const doomed = (await settingsOf(file, git)).filter(isDoomed)
  const inclusionsToo = doomed.map(({ key, value }) =>
    // Only the values of inclusions may stand in argv; a header is a secret.
    isInclusion(key) ? [key, `^${value.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')}$`] : [key],
  )
  const unsettings = new Map(inclusionsToo.map((args) => [args.join('\n'), args]))
  for (const args of unsettings.values()) await git.run(['config', '--file', file, '--unset-all', ...args])
  return doomed
}

async function settingsOf(file: string, git: Git): Promise<readonly Entry[]> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  )
  if (!isThere) return []
  const listed = await git.run(['config', '--file', file, '--no-includes', '--null', '--list'])
  return listed
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [key = '', ...lines] = entry.split('\n')
      return { key, value: lines.join('\n') }
    })
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

async function entriesIn(directory: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
