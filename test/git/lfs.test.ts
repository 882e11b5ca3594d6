import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { json } from 'node:stream/consumers'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { gitIn } from '../../src/git/git.ts'
import { checkOutLfs, type LfsOptions, requireLfs } from '../../src/git/lfs.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { git, gitEnvironment, makeUpstream, patternBytes, type Upstream } from '../support/git-repo.ts'
import { type LfsFile, lfsFile, storeLfs } from '../support/lfs-upstream.ts'
import { findProgram, skipWithout } from '../support/programs.ts'
import { startScriptedServer } from '../support/scripted-server.ts'
import { temporary } from '../support/temporary.ts'
import { cloneOf } from '../support/working-copy.ts'
import { gitContext } from './git-context.ts'

beforeEach((context) => skipWithout(context, 'git-lfs'))

const large = patternBytes(3_000_000)
const small = 'a small file in LFS\n'
const strangeName = Buffer.from('data/"l\xe9"\tand a\nnew line.bin', 'latin1')

/** A repository with LFS files, and a clone of it that has pointers. Its origin is on disk: no LFS server is needed. */
class Scene {
  readonly tree: string
  readonly upstream: Upstream
  readonly waits: number[] = []
  readonly lines: string[] = []

  private constructor(upstream: Upstream, tree: string) {
    this.upstream = upstream
    this.tree = tree
  }

  static async create(): Promise<Scene> {
    const root = temporary()
    const upstream = await makeUpstream({ root }, [
      [
        { path: '.gitattributes', content: '*.bin filter=lfs diff=lfs merge=lfs -text\n*.lock lockable\n' },
        { path: 'data/large.bin', content: (await storeLfs({ directory: originOf(root) }, large)).pointer },
        { path: strangeName, content: (await storeLfs({ directory: originOf(root) }, small)).pointer },
        { path: 'data/empty.bin', content: '' },
        { path: 'other/small.bin', content: lfsFile(small).pointer },
        { path: 'other/link.bin', content: '../data/large.bin', kind: 'symlink' },
        { path: 'other/a.lock', content: 'to be locked\n' },
        { path: 'pointer.txt', content: lfsFile(small).pointer },
      ],
    ])
    const tree = await cloneOf(upstream, root)
    await git(tree, 'remote', 'set-url', 'origin', `file://${upstream.directory}`)
    return new Scene(upstream, tree)
  }

  async checkOut(changes: Partial<LfsOptions> = {}): Promise<number> {
    return checkOutLfs({
      git: gitIn(this.tree, gitContext),
      tree: this.tree,
      commit: await git(this.tree, 'rev-parse', 'HEAD'),
      env: {},
      isSparse: false,
      retries: {
        random: () => 0,
        wait: async (delayMs) => void this.waits.push(delayMs),
        onRetry: () => {},
      },
      onProgress: (line) => this.lines.push(line),
      ...changes,
    })
  }

  read(path: string | Buffer): Buffer {
    return readFileSync(Buffer.concat([Buffer.from(`${this.tree}/`), Buffer.from(path)]))
  }

  has(file: LfsFile): boolean {
    return existsSync(join(this.tree, '.git', file.path))
  }

  /** Puts an object into the clone, under the name of another where one is given. */
  async put(file: LfsFile, content: string | Buffer): Promise<void> {
    const place = join(this.tree, '.git', file.path)
    await mkdir(dirname(place), { recursive: true })
    writeFileSync(place, content)
  }

  loseUpstream(file: LfsFile): void {
    rmSync(join(this.upstream.directory, file.path))
  }
}

function originOf(root: string): string {
  return join(root, 'github.com', 'octo', 'project.git')
}

describe('LFS files', () => {
  it('have their content, in files of any name, and git sees no change', async () => {
    const scene = await Scene.create()
    expect(await scene.checkOut()).toBe(3)
    expect(scene.read('data/large.bin').equals(large)).toBe(true)
    expect(scene.read(strangeName).toString()).toBe(small)
    expect(scene.read('other/small.bin').toString()).toBe(small)
    expect(scene.read('data/empty.bin')).toHaveLength(0)
    expect(await git(scene.tree, 'diff-files', '--', '*.bin')).toBe('')
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
  })

  it('stay pointers where no attribute says that they are LFS files', async () => {
    const scene = await Scene.create()
    await scene.checkOut()
    expect(scene.read('pointer.txt').toString()).toBe(lfsFile(small).pointer)
  })

  it('come with the configuration and the hooks that git lfs install makes', async () => {
    const scene = await Scene.create()
    await scene.checkOut()
    expect(await git(scene.tree, 'config', '--local', 'filter.lfs.process')).toBe('git-lfs filter-process')
    expect(readFileSync(join(scene.tree, '.git', 'hooks', 'pre-push'), 'utf8')).toContain('git lfs pre-push')
  })

  it('are read-only where they are to be locked before a change', async () => {
    const scene = await Scene.create()
    await scene.checkOut()
    expect(statSync(join(scene.tree, 'other', 'a.lock')).mode & 0o222).toBe(0)
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
  })

  it('are asked for at the origin only where nobody else has them', async () => {
    const scene = await Scene.create()
    scene.loseUpstream(lfsFile(large))
    await scene.checkOut({ bringObjects: () => scene.put(lfsFile(large), large) })
    expect(scene.read('data/large.bin').equals(large)).toBe(true)
    expect(scene.read('other/small.bin').toString()).toBe(small)
  })

  it('do not get the content of an object that is not what it is called', async () => {
    const scene = await Scene.create()
    await scene.put(lfsFile(small), small.toUpperCase())
    await scene.checkOut()
    expect(scene.read('other/small.bin').toString()).toBe(small)
  })

  it('are left alone the second time', async () => {
    const scene = await Scene.create()
    await scene.checkOut()
    rmSync(scene.upstream.directory, { recursive: true })
    const bringObjects = () => Promise.reject(new Error('nothing is missing'))
    expect(await scene.checkOut({ bringObjects })).toBe(0)
    expect(scene.read('data/large.bin').equals(large)).toBe(true)
  })

  it('get only the objects of the part that is checked out', async () => {
    const scene = await Scene.create()
    await git(scene.tree, 'sparse-checkout', 'set', 'other')
    expect(await scene.checkOut({ isSparse: true })).toBe(1)
    expect(scene.read('other/small.bin').toString()).toBe(small)
    expect(existsSync(join(scene.tree, 'data'))).toBe(false)
    expect([scene.has(lfsFile(small)), scene.has(lfsFile(large))]).toEqual([true, false])
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
  })

  it('that nobody has are an error, after three tries', async () => {
    const scene = await Scene.create()
    scene.loseUpstream(lfsFile(large))
    await expect(scene.checkOut()).rejects.toMatchObject({
      code: 'ORIGIN_FAILED',
      message: expect.stringMatching(/^gave up after 3 attempts: git lfs failed/),
    })
    expect(scene.waits).toHaveLength(2)
  })
})

/** An LFS server for the large file that wants a token; what it was asked with is in its log. */
async function startLfsServer(authorization: string) {
  const server = await startScriptedServer(async (request) => {
    const reply = (status: number, body: string | Buffer) => ({
      status,
      headers: { 'content-type': 'application/vnd.git-lfs+json' },
      body: [Buffer.from(body)],
    })
    if (request.headers.authorization !== authorization) return reply(401, '{"message":"who are you?"}')
    if (request.method !== 'POST') return reply(200, large)
    const { objects } = (await json(request)) as { objects: { oid: string; size: number }[] }
    const actions = { download: { href: `http://${request.headers.host}/object` } }
    return reply(200, JSON.stringify({ objects: objects.map((object) => ({ ...object, actions })) }))
  })
  onTestFinished(() => server.close())
  return server
}

describe('an LFS server', () => {
  it('gets the token that git gets, by way of the environment', async () => {
    const authorization = `basic ${Buffer.from('x-access-token:t0ken').toString('base64')}`
    const server = await startLfsServer(authorization)
    const scene = await Scene.create()
    await git(scene.tree, 'remote', 'set-url', 'origin', `${server.url}/octo/project`)
    await scene.put(lfsFile(small), small)
    const header = [`http.${server.url}/.extraheader`, `AUTHORIZATION: ${authorization}`] as const
    const env: Environment = settingsEnvironment([header], gitEnvironment)
    await scene.checkOut({ env })
    expect(scene.read('data/large.bin').equals(large)).toBe(true)
    expect(server.log.map(({ path, status }) => `${status} ${path}`)).toEqual([
      '200 /octo/project.git/info/lfs/objects/batch',
      '200 /object',
    ])
    const config = readFileSync(join(scene.tree, '.git', 'config'), 'utf8')
    expect(config).not.toMatch(/authorization|t0ken/i)
  })
})

describe('a missing git-lfs', () => {
  it('is told before anything else, with what to do', async () => {
    const programs = temporary()
    symlinkSync(findProgram('git') ?? '', join(programs, 'git'))
    const without = gitIn(programs, { ...gitContext, env: { ...gitEnvironment, PATH: programs } })
    await expect(requireLfs(without)).rejects.toMatchObject({
      code: 'GIT_MISSING',
      message: 'Input lfs is true, which needs git-lfs, and it was not found: install git-lfs on the runner',
    })
    await requireLfs(gitIn(programs, gitContext))
  })
})
