/** What a cached snapshot has of the history: all of it, or the tip alone. */
export type SnapshotKind = 'full' | 'shallow'

/** What an entry of the Actions cache is a snapshot of. Host, owner and name are lower case: GitHub's have no case. */
export interface CachedSnapshot {
  /** Of the GitHub server, with its port where it has one. */
  readonly host: string
  readonly owner: string
  readonly name: string
  readonly branch: string
  readonly kind: SnapshotKind
  readonly commit: string
}

/** What the service is asked for: an entry with this key, else the newest that begins with one of these, in order. */
export interface Lookup {
  readonly key: string
  readonly restoreKeys: readonly string[]
}

export interface LookupWishes extends Pick<CachedSnapshot, 'host' | 'owner' | 'name'> {
  /** The best one first, at most two: the service takes ten keys, and a branch has four. */
  readonly branches: readonly string[]
  /** What the job wants, where that is known. */
  readonly commit: string | undefined
  /** 0 for the whole history. */
  readonly fetchDepth: number
}

const NAME = 'git-snapshot-v1'
/** What the service allows. */
const MAX_LENGTH = 512
const FORM = new RegExp(
  `^${NAME}:([^:/]+)/([^:/]+)/([^:/]+):([^:]+):(full|shallow):([0-9a-f]{40}|[0-9a-f]{64})$`,
)

/**
 * The key of a snapshot's entry. What a URL would escape is escaped, slashes in branches aside: no comma, which the
 * service refuses, and no colon, so that no branch's keys begin as another's. Undefined where it would be too long.
 */
export function keyOf(snapshot: CachedSnapshot): string | undefined {
  return admitted(`${beginningOf(snapshot)}${snapshot.commit}`)
}

/** What a key stands for; undefined where `keyOf` made no such key. */
export function parseKey(key: string): CachedSnapshot | undefined {
  const [, ...parts] = FORM.exec(key) ?? []
  try {
    const [host = '', owner = '', name = '', branch = '', kind, commit = ''] = parts.map(decodeURIComponent)
    const snapshot = { host, owner, name, branch, kind: kind as SnapshotKind, commit }
    return keyOf(snapshot) === key ? snapshot : undefined
  } catch {
    return undefined
  }
}

/**
 * What a restore asks for, all in one request: of each branch first what its `fetchDepth` wants, the commit itself
 * before the newest. A shallow snapshot is not for who wants all. Undefined where every key would be too long.
 */
export function lookupOf({ branches, commit, fetchDepth, ...repository }: LookupWishes): Lookup | undefined {
  const [key, ...restoreKeys] = [...new Set(branches)]
    .flatMap((branch) => kindsFor(fetchDepth).map((kind) => ({ ...repository, branch, kind })))
    .flatMap((wanted) => [
      commit === undefined ? undefined : keyOf({ ...wanted, commit }),
      admitted(beginningOf(wanted)),
    ])
    .filter((text) => text !== undefined)
  return key === undefined ? undefined : { key, restoreKeys }
}

/** The same for whoever has a snapshot with a key: this one, or the newest of its branch and kind. */
export function newestLookup(snapshot: CachedSnapshot): Lookup {
  const beginning = beginningOf(snapshot)
  return { key: `${beginning}${snapshot.commit}`, restoreKeys: [beginning] }
}

function kindsFor(fetchDepth: number): readonly SnapshotKind[] {
  return fetchDepth === 0 ? ['full'] : ['shallow', 'full']
}

function beginningOf({ host, owner, name, branch, kind }: Omit<CachedSnapshot, 'commit'>): string {
  const repository = [host, owner, name].map((part) => encodeURIComponent(part.toLowerCase()))
  return `${NAME}:${repository.join('/')}:${encodeURIComponent(branch).replaceAll('%2F', '/')}:${kind}:`
}

function admitted(key: string): string | undefined {
  return key.length <= MAX_LENGTH ? key : undefined
}
