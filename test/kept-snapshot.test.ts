import { writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StoreInputs } from '../src/inputs/store.ts'
import { toolCacheIn } from './store/tool-cache.ts'
import type { Fault } from './support/fault.ts'
import { addresses, startMirror } from './support/mirror-server.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'
import type { SnapshotServer } from './support/snapshot-server.ts'
import { temporary } from './support/temporary.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

function storeIn(directory: string, maxAgeMs = 0): StoreInputs {
  return { directory, maxAgeMs, maxBytes: 1024 ** 3 }
}

/** A restore by a job on the machine with this store; what the server was asked for. */
async function restoreWith(store: StoreInputs) {
  const run = new Run(project)
  project.server.log.length = 0
  const report = await run.restore({ store }, { toolCache: async (directory) => toolCacheIn(directory) })
  await expectSameAsClone(run.workspace, project.clone)
  const asked = project.server.log.map(({ path, status, bytesSent }) => ({ path, status, bytesSent }))
  return { report, run, asked }
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name, parentPath }) => join(parentPath, name))
}

it('is restored from disk by the next job, after one small request', async () => {
  const store = storeIn(temporary())
  const first = await restoreWith(store)
  expect(first.report.snapshot?.source).toBe('cachew')
  const second = await restoreWith(store)
  expect(second.report).toMatchObject({
    snapshot: { source: 'store', etag: project.snapshot.etag },
    bytes: 0,
  })
  expect(second.asked).toEqual([
    { path: project.server.snapshotPath('octo/project'), status: 304, bytesSent: 0 },
  ])
})

it('is restored without any request while it is young enough', async () => {
  const store = storeIn(temporary(), 3_600_000)
  await restoreWith(store)
  expect((await restoreWith(store)).asked).toEqual([])
})

it('gives way to the one that the server has made since', async () => {
  const store = storeIn(temporary())
  await restoreWith(store)
  await project.server.generate('octo/project')
  expect((await restoreWith(store)).report.snapshot?.source).toBe('cachew')
  expect((await restoreWith(store)).report.snapshot?.source).toBe('store')
})

it('serves where the server is down, with a word in the log', async () => {
  const store = storeIn(temporary())
  await restoreWith(store)
  project.fault = () => ({ status: 503 })
  const { report, run } = await restoreWith(store)
  expect(report.snapshot?.source).toBe('store')
  expect(run.lines.join('\n')).toContain('going on with the snapshot that this machine has kept')
})

it('of a url with a query is used only where its server says that it holds', async () => {
  const store = storeIn(temporary(), 3_600_000)
  const url = new URL(`${project.server.url}${project.server.snapshotPath('octo/project')}?object=1`)
  const context = { toolCache: async (directory: string) => toolCacheIn(directory) }
  const restore = () => new Run(project).restore({ store, servers: [], url }, context)
  expect((await restore()).snapshot?.source).toBe('url')
  expect((await restore()).snapshot?.source).toBe('store')
  project.fault = () => ({ status: 503 })
  const error = await new Run(project).failing({ store, servers: [], url, retries: 0 }, context)
  expect(error).toMatchObject({ code: 'SERVER_ERROR' })
})

it('is shown to no job that the server refuses', async () => {
  const store = storeIn(temporary())
  await restoreWith(store)
  project.fault = () => ({ status: 403 })
  const error = await new Run(project).failing({ store }, { toolCache: async (place) => toolCacheIn(place) })
  expect(error).toMatchObject({ code: 'ACCESS_DENIED' })
})

it('that is damaged on disk is taken from the server again, and kept anew', async () => {
  const directory = temporary()
  const store = storeIn(directory)
  await restoreWith(store)
  const [content = ''] = (await filesIn(directory)).filter((name) => name.endsWith('.zst'))
  const bytes = await readFile(content)
  writeFileSync(content, bytes.fill(0x5a, bytes.length >> 1))
  const { report, run } = await restoreWith(store)
  expect(report.snapshot?.source).toBe('cachew')
  expect(run.lines.join('\n')).toMatch(
    /zstd .* \(from the snapshot that this machine has kept of http:.*\); starting again without what this machine/,
  )
  expect((await restoreWith(store)).report.snapshot?.source).toBe('store')
})

it('leaves nothing of a restore that failed in the store', async () => {
  const directory = temporary()
  project.fault = ({ start }) => (start > 300_000 ? { status: 410 } : undefined)
  const options = { toolCache: async (place: string) => toolCacheIn(place) }
  await new Run(project).failing({ store: storeIn(directory) }, options)
  expect(await filesIn(directory)).toEqual([])
})

describe('of several servers', () => {
  /** A restore from these servers, with the store; what each was asked for. */
  async function restoreFrom(servers: readonly SnapshotServer[], store: StoreInputs) {
    for (const server of servers) server.log.length = 0
    const run = new Run(project)
    const context = { toolCache: async (directory: string) => toolCacheIn(directory) }
    const report = await run.restore({ store, servers: addresses(...servers), retries: 0 }, context)
    await expectSameAsClone(run.workspace, project.clone)
    return { ...report.snapshot, asked: servers.map(({ log }) => log.map(({ status }) => status)) }
  }

  const hostOf = ({ url }: SnapshotServer): string => new URL(url).host

  /** Two servers whose snapshots are both kept, and what goes wrong with each from now on. */
  async function bothKept(maxAgeMs = 0) {
    const faults: (Fault | undefined)[] = [undefined, undefined]
    const first = await startMirror(project, () => faults[0])
    const second = await startMirror(project, () => faults[1])
    const store = storeIn(temporary(), maxAgeMs)
    await restoreFrom([first], store)
    await restoreFrom([second], store)
    return { faults, first, second, store }
  }

  it('it is the one of the first server that says that it holds', async () => {
    const { faults, first, second, store } = await bothKept()
    const held = await restoreFrom([first, second], store)
    expect(held).toMatchObject({ source: 'store', host: hostOf(first), asked: [[304], []] })
    faults[0] = { status: 503 }
    const other = await restoreFrom([first, second], store)
    expect(other).toMatchObject({ source: 'store', host: hostOf(second), asked: [[503], [304]] })
  })

  it('it gives way to a newer one of the first server that answers', async () => {
    const { faults, first, second, store } = await bothKept()
    faults[0] = { status: 503 }
    await second.generate('octo/project')
    const newer = await restoreFrom([first, second], store)
    expect(newer).toMatchObject({ source: 'cachew', host: hostOf(second) })
  })

  it('it is restored where all are away, but not where one of them refuses', async () => {
    const { faults, first, second, store } = await bothKept()
    faults.fill({ status: 503 })
    const still = await restoreFrom([first, second], store)
    expect(still).toMatchObject({ source: 'store', host: hostOf(first) })
    faults[1] = { status: 403 }
    const error = await restoreFrom([first, second], store).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'SERVER_ERROR' })
  })

  it('it is restored without any request while that of one of them is young enough', async () => {
    const { first, second, store } = await bothKept(3_600_000)
    const other = await startMirror(project)
    expect(await restoreFrom([other, second, first], store)).toMatchObject({
      source: 'store',
      host: hostOf(second),
      asked: [[], [], []],
    })
  })
})
