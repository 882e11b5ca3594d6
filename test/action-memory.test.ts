import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, it, onTestFinished } from 'vitest'
import { expectRestored, run, runAt } from './support/action-run.ts'
import { pzstd, tarDirectory } from './support/archive.ts'
import { serveFileApart } from './support/file-server.ts'
import { git, makeUpstream } from './support/git-repo.ts'
import { startGithubServer } from './support/github-server.ts'
import { useMemoryDisk } from './support/memory-disk.ts'
import { commitSubmodules } from './support/site.ts'
import { startSnapshotServer } from './support/snapshot-server.ts'
import { temporary } from './support/temporary.ts'

const MiB = 1024 * 1024
const FILE_BYTES = 50 * MiB

type Served = { readonly commit: string; readonly url: string }

/** A commit and a URL with the snapshot of a repository of random bytes, each of which it has twice: as a file and in its pack. */
async function serveRandom(files: number): Promise<Served> {
  const place = temporary()
  const tree = join(place, 'tree')
  await mkdir(join(tree, 'data'), { recursive: true })
  await git(tree, 'init', '--quiet', '--initial-branch=main')
  await git(tree, 'config', 'core.compression', '0')
  for (let file = 0; file < files; file++) {
    await writeFile(join(tree, 'data', `${file}.bin`), randomBytes(FILE_BYTES))
  }
  await git(tree, 'add', '.')
  await git(tree, 'commit', '--quiet', '--message=Random')
  await git(tree, 'repack', '-ad', '--quiet', '--window=0')
  const commit = await git(tree, 'rev-parse', 'HEAD')
  await mkdir(join(place, 'served'))
  const archive = join(place, 'served', 'snapshot.tar.zst')
  await pipeline(pzstd(tarDirectory(tree), { level: 1 }), createWriteStream(archive))
  await rm(tree, { recursive: true })
  expect((await stat(archive)).size).toBeGreaterThan(2 * files * FILE_BYTES)
  const server = await serveFileApart(archive)
  onTestFinished(() => server.close())
  return { commit, url: server.url }
}

async function peakMiB({ commit, url }: Served, inputs: Readonly<Record<string, string>>): Promise<number> {
  const result = await runAt(commit, { inputs: { url, ...inputs }, measurePeak: true })
  expectRestored(result)
  await result.cleanUp()
  return (result.peakRssBytes ?? Number.NaN) / MiB
}

it.each<[string, Readonly<Record<string, string>>, number]>([
  ['at the defaults', {}, 260],
  ['at 2 x 4 MiB', { concurrency: '2', 'chunk-size': '4MiB' }, 150],
])('holds little %s, and no more for a snapshot of twice the size', async (_, inputs, mostMiB) => {
  useMemoryDisk(3000 * MiB)
  const small = await peakMiB(await serveRandom(4), inputs)
  const large = await peakMiB(await serveRandom(8), inputs)
  expect.soft(small, 'MiB at most while 400 MiB were restored').toBeLessThanOrEqual(mostMiB)
  expect.soft(large, 'MiB at most while 800 MiB were restored').toBeLessThanOrEqual(mostMiB)
  expect.soft(large / small, 'the one by the other').toBeGreaterThan(0.9)
  expect.soft(large / small, 'the one by the other').toBeLessThan(1.1)
})

it('holds no more while three submodules come side by side', async () => {
  useMemoryDisk(3000 * MiB)
  const root = temporary()
  const github = await startGithubServer({ upstreams: root })
  const snapshots = await startSnapshotServer({ upstreams: root, level: 1 })
  onTestFinished(async () => void (await Promise.all([github.close(), snapshots.close()])))
  const { host, url: serverUrl } = github
  const make = async (name: string) => {
    const history = [[{ path: 'data.bin', content: randomBytes(FILE_BYTES / 2) }]]
    const upstream = await makeUpstream({ root, host, repository: `octo/${name}` }, history)
    await snapshots.generate(upstream.repository, host)
    return { path: name, url: `../${name}`, commit: await upstream.git('rev-parse', 'main'), upstream }
  }
  const { upstream } = await make('project')
  const submodules = [await make('one'), await make('two'), await make('three')]
  const sha = await commitSubmodules(upstream, submodules)
  await snapshots.generate(upstream.repository, host)
  const result = await run({
    inputs: { server: snapshots.url, submodules: 'true', 'on-miss': 'fail' },
    github: { repository: upstream.repository, serverUrl, sha },
    measurePeak: true,
  })
  expectRestored(result)
  expect(result.stdout).toContain('3 submodules: 3 from snapshots')
  expect(result.peakRssBytes ?? Number.NaN).toBeLessThanOrEqual(260 * MiB)
})
