import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { expectRestored, runAt } from './support/action-run.ts'
import { ask } from './support/ask.ts'
import { cachewdPrograms, startCachewd } from './support/cachewd.ts'
import { makeUpstream } from './support/git-repo.ts'
import { startNginx } from './support/nginx.ts'
import { skipWithout } from './support/programs.ts'
import { serveProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone } from './support/working-copy.ts'

it('restores a file from nginx in parallel ranges, pinned by its ETag', async (context) => {
  skipWithout(context, 'nginx')
  const project = await serveProject()
  onTestFinished(() => project.close())
  const root = temporary()
  copyFileSync(project.snapshot.file, join(root, 'snapshot.tar.zst'))
  const nginx = await startNginx({ root })
  if (nginx === undefined) throw new Error('nginx is there and was not started')
  onTestFinished(() => nginx.close())
  const url = `${nginx.url}/snapshot.tar.zst`
  const { headers } = await ask(url, { method: 'HEAD' })
  const result = await runAt(project.snapshot.commit, { inputs: { url, 'chunk-size': '128KiB' } })
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  const bytes = project.snapshot.bytes
  expect(result.outputs).toMatchObject({ etag: headers.etag, bytes: String(bytes), retries: '0' })
  expect(Number(result.outputs.requests)).toBeGreaterThanOrEqual(bytes / (128 * 1024))
})

it('restores from cachewd, cold and then in ranges', async (context) => {
  skipWithout(context, ...cachewdPrograms)
  const root = temporary()
  const upstream = await makeUpstream({ root })
  const cachewd = await startCachewd(root)
  if (cachewd === undefined) throw new Error('cachewd is there and was not started')
  onTestFinished(() => cachewd.close())
  const clone = await cloneOf(upstream, temporary())
  const inputs = { server: cachewd.url, 'chunk-size': '128KiB' }

  const commit = await upstream.git('rev-parse', 'main')
  const cold = await runAt(commit, { inputs })
  expectRestored(cold)
  await expectSameAsClone(cold.workspace, clone)

  // Nothing tells when the snapshot has been put into the cache but the answers themselves.
  const url = `${cachewd.url}/git/github.com/octo/project/snapshot.tar.zst`
  const isCached = async () => (await ask(url, { headers: { range: 'bytes=0-0' } })).status === 206
  await vi.waitUntil(isCached, { timeout: 30_000, interval: 100 })
  const warm = await runAt(commit, { inputs })
  expectRestored(warm)
  await expectSameAsClone(warm.workspace, clone)
  expect(warm.outputs.etag).toMatch(/^".+"$/)
  expect(warm.outputs['snapshot-commit']).toBe(await upstream.git('rev-parse', 'main'))
  expect(Number(warm.outputs.requests)).toBeGreaterThan(1)
})
