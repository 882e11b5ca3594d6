import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type LfsSnapshotOptions, takeLfsSnapshot } from '../../src/restore/lfs-snapshot.ts'
import { PATIENCE } from '../../src/source/patience.ts'
import { type TarEntry, tarZst } from '../support/archive.ts'
import { never } from '../support/deferred.ts'
import { makeUpstream, patternBytes } from '../support/git-repo.ts'
import { clientTo } from '../support/http-client.ts'
import { type LfsFile, lfsFile, storeLfs } from '../support/lfs-upstream.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { serveArchive } from '../support/served-archive.ts'
import { startSnapshotServer } from '../support/snapshot-server.ts'
import { temporary } from '../support/temporary.ts'
import { listTree } from '../support/working-copy.ts'

const large = patternBytes(1_000_000)
const small = 'small\n'
const limits = { bytes: 1024 ** 3, entries: 1000 }

/** A `.git` into which objects are taken, and what is told meanwhile. */
class Taking {
  readonly root = temporary()
  readonly gitDirectory = join(this.root, '.git')
  readonly lines: string[] = []

  constructor() {
    mkdirSync(this.gitDirectory)
  }

  async from(url: string, signal = new AbortController().signal): Promise<number> {
    const client = clientTo(url)
    onTestFinished(() => client.close())
    const requests: LfsSnapshotOptions['requests'] = {
      ...PATIENCE,
      client,
      concurrency: 4,
      chunkBytes: 128 * 1024,
      stall: { idleMs: 30_000, bytesPerSecond: 1 },
      signal,
      attemptsFor: () => ({
        attempts: 2,
        budget: { left: 10 },
        remainingMs: () => Number.POSITIVE_INFINITY,
        random: () => 0,
        wait: async () => {},
        onRetry: () => {},
      }),
    }
    const { gitDirectory, lines } = this
    const scratch = join(this.root, 'scratch')
    const log = (line: string) => void lines.push(line)
    try {
      return await takeLfsSnapshot({
        url: new URL(url),
        requests,
        limits,
        scratch,
        gitDirectory,
        signal,
        log,
      })
    } finally {
      expect(readdirSync(this.root)).toEqual(['.git'])
    }
  }

  put(file: LfsFile, content: string | Buffer): void {
    const place = join(this.gitDirectory, file.path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, content)
  }

  read(file: LfsFile): Buffer {
    return readFileSync(join(this.gitDirectory, file.path))
  }

  has(file: LfsFile): boolean {
    return existsSync(join(this.gitDirectory, file.path))
  }
}

/** A snapshot server with a repository that has two LFS files, and the address of its LFS snapshot. */
async function serve(fault?: FaultScript) {
  const root = temporary()
  const directory = join(root, 'github.com', 'octo', 'project.git')
  await makeUpstream({ root }, [
    [
      { path: 'large.bin', content: (await storeLfs({ directory }, large)).pointer },
      { path: 'small.bin', content: (await storeLfs({ directory }, small)).pointer },
    ],
  ])
  const server = await startSnapshotServer({
    upstreams: root,
    frameBytes: 128 * 1024,
    ...(fault && { fault }),
  })
  onTestFinished(() => server.close())
  return { server, url: `${server.url}/git/github.com/octo/project/lfs-snapshot.tar.zst` }
}

/** An archive that no snapshot server would make, served as its LFS snapshot. */
async function serveEntries(entries: readonly TarEntry[]): Promise<string> {
  return serveArchive(await tarZst(entries))
}

describe('the LFS objects of a snapshot server', () => {
  it('are put where git-lfs looks for them', async () => {
    const { server, url } = await serve()
    await server.generateLfs('octo/project')
    const taking = new Taking()
    expect(await taking.from(url)).toBe(2)
    expect(taking.read(lfsFile(large)).equals(large)).toBe(true)
    expect(taking.read(lfsFile(small)).toString()).toBe(small)
    expect(taking.lines).toEqual([])
  })

  it('do not take the place of those that are there already', async () => {
    const { server, url } = await serve()
    await server.generateLfs('octo/project')
    const taking = new Taking()
    taking.put(lfsFile(small), 'kept')
    expect(await taking.from(url)).toBe(1)
    expect(taking.read(lfsFile(small)).toString()).toBe('kept')
  })

  it('are left to the origin, with a word, where the server has none', async () => {
    const { url } = await serve()
    const taking = new Taking()
    expect(await taking.from(url)).toBe(0)
    expect(taking.lines).toEqual([
      expect.stringMatching(/^The server's LFS objects are incomplete or missing: .*404/),
    ])
  })

  it('are left to the origin where the server fails or sends what is no archive', async () => {
    const { server, url } = await serve(({ path }) => (path.includes('lfs') ? { status: 500 } : undefined))
    await server.generateLfs('octo/project')
    const page = await serveArchive(Buffer.from('<html>hello</html>'))
    for (const address of [url, page, 'http://127.0.0.1:1/lfs-snapshot.tar.zst']) {
      const taking = new Taking()
      expect(await taking.from(address)).toBe(0)
      expect(taking.lines).toHaveLength(1)
    }
  })

  it('are whole or not there, where the archive breaks off', async () => {
    const bytes = await tarZst(
      [
        { name: lfsFile(small).path, body: small },
        { name: lfsFile(large).path, body: large },
      ],
      { frameBytes: 64 * 1024 },
    )
    const url = await serveArchive(bytes.subarray(0, 500_000))
    const taking = new Taking()
    await taking.from(url)
    expect(taking.has(lfsFile(large))).toBe(false)
    expect(taking.lines).toHaveLength(1)
  })

  it('are dropped where they are not what they are called', async () => {
    const url = await serveEntries([
      { name: lfsFile(small).path, body: small.toUpperCase() },
      { name: lfsFile(large).path, body: large },
    ])
    const taking = new Taking()
    expect(await taking.from(url)).toBe(1)
    expect(taking.has(lfsFile(small))).toBe(false)
    expect(taking.lines).toEqual(["1 of the server's LFS objects are damaged"])
  })

  it('are the only thing that comes out of the archive', async () => {
    const { oid, path } = lfsFile(small)
    const url = await serveEntries([
      { name: 'hooks/post-checkout', body: '#!/bin/sh\n', mode: 0o755 },
      { name: 'config', body: '[core]\n' },
      { name: 'lfs/cache/locks', body: '[]' },
      { name: 'lfs/objects/config', body: '[core]\n' },
      { name: `lfs/objects/${oid}`, body: small },
      { name: `objects/${oid}`, body: small },
      { name: path, body: small },
    ])
    const taking = new Taking()
    expect(await taking.from(url)).toBe(1)
    const files = listTree(taking.gitDirectory).filter((line) => !/\/ \d+$/.test(line))
    expect(files).toEqual([expect.stringContaining(path)])
  })

  it('are not followed out of the archive by a link', async () => {
    const outside = temporary()
    const { oid, path } = lfsFile(small)
    const stored = join(outside, path)
    mkdirSync(dirname(stored), { recursive: true })
    writeFileSync(stored, small)
    const url = await serveEntries([
      { name: 'lfs/objects', type: 'symlink', linkname: join(outside, 'lfs/objects') },
      { name: `other/${oid}`, type: 'symlink', linkname: stored },
    ])
    const taking = new Taking()
    expect(await taking.from(url)).toBe(0)
    expect(listTree(taking.gitDirectory)).toEqual([])
    expect(readFileSync(stored, 'utf8')).toBe(small)
  })

  it('end with the step, when that is cancelled', async () => {
    const cancelled = new AbortController()
    const { server, url } = await serve(() => ({ hold: never }))
    await server.generateLfs('octo/project')
    const taking = new Taking()
    const taken = taking.from(url, cancelled.signal)
    await server.until(() => server.active() === 1)
    const reason = new Error('the step was cancelled')
    cancelled.abort(reason)
    await expect(taken).rejects.toBe(reason)
    expect(taking.lines).toEqual([])
  })
})
