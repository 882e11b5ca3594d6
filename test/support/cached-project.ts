import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, onTestFinished } from 'vitest'
import { type CleanCloneOptions, makeCleanClone } from '../../src/git/clean-clone.ts'
import type { Origin } from '../../src/git/origin.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { packInto } from '../../src/pack/pack.ts'
import { CACHED_FILE, entryVersion } from '../../src/snapshot/actions-cache.ts'
import { type CachedSnapshot, keyOf, type SnapshotKind } from '../../src/snapshot/cache-key.ts'
import { type Azurite, type BlobStore, startAzurite } from './azurite.ts'
import { type CacheService, startCacheService } from './cache-service.ts'
import { type Forge, startForge } from './forge.ts'
import { gitEnvironment, type Upstream } from './git-repo.ts'
import { basicCredential } from './github-server.ts'
import { findProgram, skipWithout } from './programs.ts'
import { type FaultScript, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { toolkitIn } from './toolkit-cache.ts'

/** A repository `octo/project` on a forge, and its snapshots in the Actions cache. */
export type CachedProject = {
  readonly forge: Forge
  readonly upstream: Upstream
  /** Of `main`: the snapshots', and the one after it. */
  readonly commits: { readonly snapshot: string; readonly newest: string }
  /** What @actions/cache has saved of a snapshot. */
  readonly archives: Readonly<Record<SnapshotKind, Buffer>>
  readonly azurite: Azurite
  /** All that comes between a restore and the blob store. */
  readonly store: ScriptedServer
  /** Of the running test, without entries. */
  readonly service: CacheService
  /** Scripts of the requests to come. */
  readonly faults: { store?: FaultScript | undefined; service?: FaultScript | undefined }
  /** The key of the full snapshot of `main`, or of another one. */
  readonly key: (change?: Partial<CachedSnapshot>) => string
  /** Has the service take in an entry with these bytes, by default the snapshot's; gives the name of its blob. */
  readonly save: (change?: Partial<CachedSnapshot>, bytes?: Buffer) => Promise<string>
}

/** What @actions/cache needs. */
const PROGRAMS = ['tar', 'zstd']
const MTIME = 1_700_000_000
const KINDS = { full: 0, shallow: 1 } as const
const PASSED_ON = ['range', 'if-match', 'if-none-match']
const PASSED_BACK = ['content-type', 'content-range', 'etag', 'last-modified']

/** One for all tests of a file; each finds it without a fault, an entry or a log. */
export function useCachedProject(): CachedProject {
  const project = { faults: {} } as Started
  beforeAll(async () => {
    if (PROGRAMS.some((name) => findProgram(name) === undefined)) return
    await start(project)
    return async () => {
      await Promise.all([project.forge.close(), project.store.close(), project.azurite.close()])
    }
  })
  beforeEach(async (context) => {
    skipWithout(context, ...PROGRAMS)
    const { azurite, store, forge, faults } = project
    for (const log of [store.log, forge.github.log]) log.length = 0
    for (const server of ['store', 'service'] as const) faults[server] = undefined
    const service = await startCacheService({
      store: behind(store, azurite),
      fault: (request) => faults.service?.(request),
    })
    onTestFinished(() => service.close())
    project.service = service
  })
  return project
}

type Started = { -readonly [Field in keyof CachedProject]: CachedProject[Field] }

async function start(project: Started): Promise<void> {
  const [forge, azurite] = await Promise.all([startForge(), startAzurite()])
  const upstream = await forge.makeRepository('octo/project')
  const snapshot = await upstream.git('rev-parse', 'main')
  const made = { forge, azurite, snapshot }
  const archives = { full: await archiveOf(made, 'full'), shallow: await archiveOf(made, 'shallow') }
  const newest = await upstream.commit([{ path: 'newest.txt', content: 'newest\n' }])
  const store = await startScriptedServer(
    (request) => passOn(request, azurite),
    (request) => project.faults.store?.(request),
  )
  const commits = { snapshot, newest }
  const own = { host: forge.github.host, owner: 'octo', name: 'project', branch: 'main', commit: snapshot }
  const key: CachedProject['key'] = (change) => keyOf({ ...own, kind: 'full', ...change }) ?? ''
  const save: CachedProject['save'] = async (change = {}, bytes = archives[change.kind ?? 'full']) => {
    const blob = project.service.save({ key: key(change), version: entryVersion() })
    await azurite.put(blob, bytes)
    return blob
  }
  Object.assign(project, { forge, upstream, azurite, archives, store, commits, key, save })
}

type Making = Pick<CachedProject, 'forge' | 'azurite'> & { readonly snapshot: string }

/** Makes a snapshot as a job that saves one, and has @actions/cache save it; gives the bytes of the blob. */
async function archiveOf({ forge, azurite, snapshot }: Making, kind: SnapshotKind): Promise<Buffer> {
  const root = await mkdtemp(join(tmpdir(), 'cached-project-'))
  const service = await startCacheService({ store: azurite })
  try {
    await makeSnapshot(forge, root, { commit: snapshot, depth: KINDS[kind] })
    const saved = await toolkitIn(root, service).save(CACHED_FILE, kind)
    const [entry] = service.entries
    if (saved !== 1 || entry === undefined) throw new Error('@actions/cache saved nothing')
    const reply = await fetch(azurite.sign(entry.blob, 'r', 60_000))
    return Buffer.from(await reply.arrayBuffer())
  } finally {
    await service.close()
    await rm(root, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function makeSnapshot(
  forge: Forge,
  root: string,
  of: Pick<CleanCloneOptions, 'commit' | 'depth'>,
): Promise<void> {
  const directory = join(root, 'clone')
  await mkdir(directory)
  const { signal } = new AbortController()
  await makeCleanClone({
    ...of,
    workspace: undefined,
    origin: originOf(forge),
    branch: 'main',
    into: directory,
    retries: { random: () => 0, wait: async () => {}, onRetry: () => {} },
    onProgress: undefined,
    log: () => {},
    env: gitEnvironment,
    signal,
  })
  const options = { directory, level: 3, mtime: MTIME, keeps: () => true, signal }
  await packInto(join(root, CACHED_FILE), options)
}

function originOf({ github, token }: Forge): Origin {
  const header = `AUTHORIZATION: basic ${basicCredential(token)}`
  const env = settingsEnvironment([[`http.${github.url}/.extraheader`, header]], gitEnvironment)
  return { url: `${github.url}/octo/project`, env }
}

/** The store under the address of the server before it, which no signature tells of. */
function behind({ url }: ScriptedServer, azurite: Azurite): BlobStore {
  return {
    sign: (...blob) => {
      const { pathname, search } = new URL(azurite.sign(...blob))
      return `${url}${pathname}${search}`
    },
  }
}

async function passOn({ url = '', headers: asked }: IncomingMessage, azurite: Azurite): Promise<Reply> {
  const { origin } = new URL(azurite.sign('any', 'r', 0))
  const reply = await fetch(`${origin}${url}`, { headers: picked(PASSED_ON, (name) => asked[name]) })
  const body = Buffer.from(await reply.arrayBuffer())
  const headers = picked(PASSED_BACK, (name) => reply.headers.get(name) ?? undefined)
  return { status: reply.status, headers: { ...headers, 'content-length': `${body.length}` }, body: [body] }
}

function picked(
  names: readonly string[],
  from: (name: string) => string | readonly string[] | undefined,
): Record<string, string> {
  const values = names.map((name) => [name, from(name)] as const)
  return Object.fromEntries(values.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}
