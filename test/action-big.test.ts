import { expect, it, onTestFinished } from 'vitest'
import { expectRestored, runAt } from './support/action-run.ts'
import { bigRepository, NoPackages } from './support/big-repo.ts'
import { cloneUpstream, git } from './support/git-repo.ts'
import { useMemoryDisk } from './support/memory-disk.ts'
import { startSnapshotServer } from './support/snapshot-server.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone } from './support/working-copy.ts'

it('restores 47,000 files as git clone does', { timeout: 300_000 }, async (context) => {
  const repository = await bigRepository().catch((error: unknown) => {
    if (process.env.CI === undefined && error instanceof NoPackages) context.skip(true, error.message)
    throw error
  })
  useMemoryDisk(2 * 1024 ** 3)
  const root = temporary()
  const upstream = await cloneUpstream({ root }, repository)
  const server = await startSnapshotServer({ upstreams: root })
  onTestFinished(() => server.close())
  const { bytes, commit } = await server.generate('octo/project')
  server.log.length = 0

  const result = await runAt(commit, { inputs: { server: server.url, 'chunk-size': '1MiB' } })
  expectRestored(result)
  const { workspace, outputs } = result
  await expectSameAsClone(workspace, await cloneOf(upstream, temporary()))
  const tracked = (await git(workspace, 'ls-files')).split('\n').length
  expect(tracked).toBeGreaterThan(47_000)
  expect(Number(outputs.files)).toBeGreaterThan(tracked)
  expect(server.log.reduce((sum, { bytesSent }) => sum + bytesSent, 0)).toBe(bytes)
  expect(outputs).toMatchObject({ bytes: String(bytes), commit, requests: String(server.log.length) })
  expect(server.maxActive()).toBeLessThanOrEqual(8)
})
