import { createWriteStream, existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pzstd, tarDirectory } from '../test/support/archive.ts'
import { git } from '../test/support/git-repo.ts'
import { formatCount, formatMegabytes } from './format.ts'
import { freshDirectory, remove } from './place.ts'
import { RECIPES, type Recipe, type RepositoryName, recipeFrom } from './repositories.ts'

/** What is kept about a repository and its snapshot. */
interface Facts {
  readonly branch: string
  /** What the snapshot holds. */
  readonly commit: string
  /** The commit before; undefined where there is only one. */
  readonly parent: string | undefined
  readonly files: number
  readonly tarBytes: number
}

/** A repository and its snapshot, in the place where everything happens. */
export interface Data extends Facts {
  /** `owner/name` */
  readonly repository: string
  /** Below it the bare repository is, as a snapshot server wants it. */
  readonly upstreams: string
  readonly snapshot: string
  readonly snapshotBytes: number
  readonly words: string
}

const OWNER = 'bench'
const SNAPSHOT = 'snapshot.tar.zst'
const FACTS = 'facts.json'
/** Where made repositories are kept from run to run. */
const CACHE = resolve(
  process.env.GIT_SNAPSHOT_BENCH_DIR ??
    join(import.meta.dirname, '..', 'node_modules', '.cache', 'git-snapshot', 'bench'),
)

export interface DataOptions {
  /** A path or URL, in place of all names. */
  readonly source: string | undefined
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

/** The repositories of one run, each made once, kept, and brought into the place. */
export class DataStore {
  /** Below it snapshots are where a snapshot server has them. */
  readonly served: string
  readonly #options: DataOptions
  readonly #ready = new Map<string, Promise<Data>>()

  constructor(options: DataOptions) {
    this.served = freshDirectory('served')
    this.#options = options
  }

  /** The repository of this name, or the one that the run is to use in place of all. */
  get(name: RepositoryName): Promise<Data> {
    const chosen = this.#options.source === undefined ? name : 'given'
    const ready = this.#ready.get(chosen) ?? this.#bring(chosen)
    this.#ready.set(chosen, ready)
    return ready
  }

  async #bring(name: RepositoryName | 'given'): Promise<Data> {
    const repository = `${OWNER}/${name}`
    const kept = name === 'given' ? await this.#makeGiven(repository) : await this.#keep(name, repository)
    const directory = join(this.served, 'git', 'github.com', repository)
    const upstreams = freshDirectory('upstreams')
    await cp(join(kept, SNAPSHOT), join(directory, SNAPSHOT), { recursive: true })
    await cp(join(kept, 'upstreams'), upstreams, { recursive: true })
    const facts = JSON.parse(await readFile(join(kept, FACTS), 'utf8')) as Facts
    const snapshot = join(directory, SNAPSHOT)
    const { size: snapshotBytes } = await stat(snapshot)
    const sizes = `a snapshot of ${formatMegabytes(snapshotBytes)}, ${formatMegabytes(facts.tarBytes)} unpacked`
    const words = `${formatCount(facts.files)} files, ${sizes}`
    return { ...facts, repository, upstreams, snapshot, snapshotBytes, words }
  }

  /** The directory in which the made repository is kept; made anew where it is not. */
  async #keep(name: RepositoryName, repository: string): Promise<string> {
    const recipe = RECIPES[name]
    const kept = join(CACHE, `${name}-${recipe.version}`)
    if (existsSync(kept)) return kept
    const { log, signal } = this.#options
    log(`making the repository "${name}", which is kept in ${kept}`)
    await mkdir(CACHE, { recursive: true })
    const making = await mkdtemp(join(CACHE, 'making-'))
    try {
      await make(making, { repository, recipe, signal })
      await rename(making, kept)
    } finally {
      remove(making)
    }
    return kept
  }

  async #makeGiven(repository: string): Promise<string> {
    const { source = '', signal, log } = this.#options
    log(`cloning ${source}`)
    const making = freshDirectory('given')
    const recipe = recipeFrom(existsSync(source) ? resolve(source) : source)
    await make(making, { repository, recipe, signal })
    return making
  }
}

interface Wanted {
  readonly repository: string
  readonly recipe: Recipe
  readonly signal: AbortSignal
}

async function make(directory: string, { repository, recipe, signal }: Wanted): Promise<void> {
  const root = join(directory, 'upstreams')
  await mkdir(root)
  const upstream = await recipe.make(root, repository)
  await upstream.git('repack', '-adq')
  const clone = freshDirectory('clone')
  try {
    await git(clone, 'clone', '--quiet', '--no-local', upstream.directory, '.')
    await git(clone, 'remote', 'set-url', 'origin', `https://github.com/${repository}`)
    const tarBytes = await writeSnapshot(clone, join(directory, SNAPSHOT), signal)
    const facts: Facts = {
      branch: await git(clone, 'symbolic-ref', '--short', 'HEAD'),
      commit: await git(clone, 'rev-parse', 'HEAD'),
      parent: await git(clone, 'rev-parse', 'HEAD^').catch(() => undefined),
      files: (await git(clone, 'ls-files')).split('\n').length,
      tarBytes,
    }
    await writeFile(join(directory, FACTS), JSON.stringify(facts))
  } finally {
    remove(clone)
  }
}

/** As a snapshot server makes it; tells how many bytes the tar has. */
async function writeSnapshot(clone: string, file: string, signal: AbortSignal): Promise<number> {
  let bytes = 0
  async function* counted() {
    for (const piece of tarDirectory(clone)) {
      bytes += piece.length
      yield piece
    }
  }
  await pipeline(pzstd(counted()), createWriteStream(file), { signal })
  return bytes
}
