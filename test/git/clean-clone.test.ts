import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CleanCloneOptions, makeCleanClone } from '../../src/git/clean-clone.ts'
import { git, gitBytes, variedHistory } from '../support/git-repo.ts'
import { listTree } from '../support/working-copy.ts'
import { type ServedOrigin, serveOrigin } from './served-origin.ts'

let served: ServedOrigin
/** A clone of all that the origin has; its path has what separates paths in a list, and quotes. */
let workspace: string
let into: string
let tip: string
let lines: string[]

beforeEach(async () => {
  served = await serveOrigin()
  tip = await served.upstream.commit(variedHistory()[0] ?? [])
  workspace = join(served.root, 'work:space "1"')
  into = join(served.root, 'into')
  lines = []
  await mkdir(into)
  await git(served.root, 'clone', '--quiet', served.upstream.directory, workspace)
  await git(workspace, 'remote', 'set-url', 'origin', served.origin.url)
})

afterEach(() => served.close())

function cloned(options: Partial<CleanCloneOptions> = {}) {
  const { origin, retries, place } = served
  const asked = { workspace, origin, commit: tip, branch: 'main', depth: 0, into } as const
  const log = (line: string) => lines.push(line)
  return makeCleanClone({ ...place, ...asked, retries, onProgress: undefined, log, ...options })
}

const here = (...args: string[]) => git(into, ...args)

async function expectWhole(commit = tip): Promise<void> {
  expect(await here('fsck', '--strict', '--no-progress')).toBe('')
  expect(await here('rev-parse', 'HEAD')).toBe(commit)
  expect(await here('status', '--porcelain', '--ignored')).toBe('')
  expect(await here('count-objects', '-v')).toMatch(/^count: 0\n(.*\n)*packs: 1\n/)
  const names = (await readdir(join(into, '.git'))).filter((name) => name !== 'shallow')
  expect(names.sort()).toEqual(['HEAD', 'config', 'index', 'objects', 'refs'])
  expect(existsSync(join(into, '.git/objects/info/alternates'))).toBe(false)
}

async function expectFilesOf(commit: string): Promise<void> {
  const reference = join(served.root, 'reference')
  await git(served.root, 'clone', '--quiet', '--no-checkout', served.upstream.directory, reference)
  await git(reference, 'checkout', '--quiet', commit)
  expect(listTree(into, { without: '.git' })).toEqual(listTree(reference, { without: '.git' }))
}

describe('a clean clone', () => {
  it('is made of the objects in the workspace, without a word to the origin or a change there', async () => {
    const before = listTree(workspace)
    expect(await cloned()).toEqual({ commit: tip, objectFormat: 'sha1', objectsFrom: 'workspace' })
    expect(served.github.log).toEqual([])
    expect(lines).toEqual([])
    expect(listTree(workspace)).toEqual(before)
    await rm(workspace, { recursive: true })
    await expectWhole()
    await expectFilesOf(tip)
    expect(await here('rev-list', '--count', 'HEAD')).toBe('3')
  })

  it('is made from the origin where there is no workspace', async () => {
    const made = await cloned({ workspace: undefined })
    expect(made).toEqual({ commit: tip, objectFormat: 'sha1', objectsFrom: 'origin' })
    await expectWhole()
    await expectFilesOf(tip)
    expect(await here('rev-list', '--count', 'HEAD')).toBe('3')
  })

  it.each(['workspace', 'origin'] as const)('from the %s has its branch alone', async (objectsFrom) => {
    await served.upstream.git('branch', 'other')
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'v1')
    await git(workspace, 'fetch', '--quiet', '--tags', served.upstream.directory, '+refs/*:refs/*-too')
    const made = await cloned(objectsFrom === 'origin' ? { workspace: undefined } : {})
    expect(made.objectsFrom).toBe(objectsFrom)
    expect(await here('for-each-ref', '--format=%(refname) %(objectname)')).toBe(
      `refs/heads/main ${tip}\nrefs/remotes/origin/main ${tip}`,
    )
    expect(await here('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(await here('rev-parse', '--abbrev-ref', 'main@{upstream}')).toBe('origin/main')
    expect(await here('config', 'remote.origin.url')).toBe(served.origin.url)
    expect(await here('config', 'remote.origin.fetch')).toBe('+refs/heads/*:refs/remotes/origin/*')
    await expectWhole()
  })

  it('has a branch of any name, at a commit that is not its last', async () => {
    const before = await git(workspace, 'rev-parse', 'HEAD~1')
    await cloned({ branch: `fix/"it's"#1-é`, commit: before })
    expect(await here('symbolic-ref', 'HEAD')).toBe(`refs/heads/fix/"it's"#1-é`)
    await expectWhole(before)
    await expectFilesOf(before)
  })

  it.each(['workspace', 'origin'] as const)('from the %s is detached without a branch', async (from) => {
    await cloned({ branch: undefined, ...(from === 'origin' ? { workspace: undefined } : {}) })
    expect(await here('for-each-ref')).toBe('')
    await expect(here('symbolic-ref', '--quiet', 'HEAD')).rejects.toThrow()
    await expectWhole()
  })

  it.each(['workspace', 'origin'] as const)('with depth 1 from the %s has the commit alone', async (from) => {
    const made = await cloned({ depth: 1, ...(from === 'origin' ? { workspace: undefined } : {}) })
    expect(made.objectsFrom).toBe(from)
    await expectWhole()
    await expectFilesOf(tip)
    expect(readFileSync(join(into, '.git/shallow'), 'utf8')).toBe(`${tip}\n`)
    expect(await here('rev-list', '--count', 'HEAD')).toBe('1')
    expect(await here('cat-file', '--batch-all-objects', '--batch-check')).toBe(await objectsOfTip())
  })

  it('of a shallow workspace has its commit, and for the whole history asks the origin', async () => {
    const shallow = join(served.root, 'shallow')
    await git(served.root, 'clone', '--quiet', '--depth=1', `file://${served.upstream.directory}`, shallow)
    expect(await cloned({ workspace: shallow, depth: 1 })).toMatchObject({ objectsFrom: 'workspace' })
    expect(served.github.log).toEqual([])
    await expectWhole()
    await rm(into, { recursive: true })
    await mkdir(into)
    expect(await cloned({ workspace: shallow, depth: 0 })).toMatchObject({ objectsFrom: 'origin' })
    expect(lines).toEqual([expect.stringMatching(/^the clone in the workspace will not do: git repack/)])
    expect(existsSync(join(into, '.git/shallow'))).toBe(false)
    expect(await here('rev-list', '--count', 'HEAD')).toBe('3')
    await expectWhole()
  })

  it.each(['blob:none', 'tree:0'])('of a workspace without %s asks the origin', async (filter) => {
    const partial = join(served.root, 'partial')
    const args = ['--quiet', '--no-checkout', `--filter=${filter}`, `file://${served.upstream.directory}`]
    await served.upstream.git('config', 'uploadpack.allowFilter', 'true')
    await git(served.root, 'clone', ...args, partial)
    expect(await cloned({ workspace: partial })).toMatchObject({ objectsFrom: 'origin' })
    await expectWhole()
  })

  it('has the objects that the workspace itself borrows, or keeps in a pack of its own', async () => {
    const borrower = join(served.root, 'borrower')
    await git(served.root, 'clone', '--quiet', '--shared', workspace, borrower)
    const packs = join(workspace, '.git/objects/pack')
    await git(workspace, 'repack', '-a', '-d', '--quiet')
    for (const name of await readdir(packs)) await writeFile(join(packs, name.replace(/\w+$/, 'keep')), '')
    expect(await cloned({ workspace: borrower })).toMatchObject({ objectsFrom: 'workspace' })
    await rm(workspace, { recursive: true })
    await expectWhole()
  })

  it('of a directory that is no clone is made from the origin', async () => {
    expect(await cloned({ workspace: served.root })).toMatchObject({ objectsFrom: 'origin' })
    await expectWhole()
  })

  it('has a commit that is in the workspace alone, with empty directories for its submodules', async () => {
    await git(workspace, 'update-index', '--add', '--cacheinfo', `160000,${tip},deps/library`)
    await git(workspace, 'commit', '--quiet', '-m', 'A submodule')
    const commit = await git(workspace, 'rev-parse', 'HEAD')
    expect(await cloned({ commit })).toMatchObject({ objectsFrom: 'workspace' })
    expect(readdirSync(join(into, 'deps/library'))).toEqual([])
    await expectWhole(commit)
  })

  it('of a SHA-256 repository is one', async () => {
    const { directory } = served.upstream
    const sha256 = `${directory.slice(0, -'.git'.length)}-sha256.git`
    await git(served.root, 'init', '--quiet', '--bare', '--object-format=sha256', sha256)
    const stream = await gitBytes(workspace, ['fast-export', 'main'])
    await gitBytes(sha256, ['fast-import', '--quiet'], stream)
    const commit = await git(sha256, 'rev-parse', 'main')
    const origin = { ...served.origin, url: `${served.origin.url}-sha256` }
    const clone = join(served.root, 'sha256')
    await git(served.root, 'clone', '--quiet', '--branch=main', sha256, clone)
    for (const place of [clone, undefined]) {
      const made = await cloned({ workspace: place, commit, origin })
      const objectsFrom = place === undefined ? 'origin' : 'workspace'
      expect(made).toEqual({ commit, objectFormat: 'sha256', objectsFrom })
      await expectWhole(commit)
      await rm(into, { recursive: true })
      await mkdir(into)
    }
  })

  it('is an error in words where neither workspace nor origin has the commit', async () => {
    await expect(cloned({ commit: '1'.repeat(40) })).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      message: expect.stringContaining(`${served.origin.url} does not have what this job wants`),
    })
  })

  it('is not begun again when it is cancelled', async () => {
    const reason = new Error('cancelled')
    const signal = AbortSignal.abort(reason)
    await expect(cloned({ signal })).rejects.toBe(reason)
    expect(served.github.log).toEqual([])
  })

  it('tells the progress of a fetch where that is asked for', async () => {
    const told: string[] = []
    await cloned({ workspace: undefined, onProgress: (line) => told.push(line) })
    expect(told.some((line) => line.includes('Counting objects'))).toBe(true)
  })
})

async function objectsOfTip(): Promise<string> {
  const listed = await git(workspace, 'rev-list', '--objects', '--no-object-names', '--no-walk', tip)
  const checked = await gitBytes(workspace, ['cat-file', '--batch-check'], Buffer.from(`${listed}\n`))
  return [...new Set(checked.toString().trim().split('\n'))].sort().join('\n')
}

describe('an object of the workspace', () => {
  it.each<[string, string, (content: Buffer) => Buffer]>([
    ['is cut off', 'repack', (content) => deflateSync(content).subarray(0, 20)],
    ['is another', 'verify-pack', (content) => deflateSync(content.fill('x', content.length - 9))],
  ])('that %s is passed over, as git %s says so', async (_, command, damage) => {
    const content = readFileSync(join(workspace, 'src/main.ts'))
    const id = await git(workspace, 'rev-parse', 'HEAD:src/main.ts')
    const object = Buffer.concat([Buffer.from(`blob ${content.length}\0`), content])
    await unpackObjects()
    const file = join(workspace, '.git/objects', id.slice(0, 2), id.slice(2))
    await rm(file)
    await writeFile(file, damage(object))
    expect(await cloned()).toMatchObject({ objectsFrom: 'origin' })
    expect(lines).toEqual([expect.stringContaining(`will not do: git ${command} failed`)])
    await expectWhole()
    await expectFilesOf(tip)
  })

  it('that a commit graph knows otherwise is packed as it is', async () => {
    const [tree, parents] = await Promise.all(
      ['HEAD^{tree}', 'HEAD~1^{tree}'].map((revision) => git(workspace, 'rev-parse', revision)),
    )
    await git(workspace, 'commit-graph', 'write', '--reachable')
    const file = join(workspace, '.git/objects/info/commit-graph')
    const graph = readFileSync(file)
    const at = graph.indexOf(`${tree}`, 'hex')
    graph.write(`${parents}`, at, 'hex')
    await rm(file)
    await writeFile(file, graph)
    expect(await git(workspace, 'log', '-1', '--format=%T')).toBe(parents)
    expect(await cloned()).toMatchObject({ objectsFrom: 'workspace' })
    await expectWhole()
    await expectFilesOf(tip)
  })

  async function unpackObjects(): Promise<void> {
    const from = join(workspace, '.git/objects/pack')
    const packs = join(served.root, 'packs')
    await git(workspace, 'repack', '-a', '-d', '--quiet')
    await cp(from, packs, { recursive: true })
    await rm(from, { recursive: true })
    const pack = readdirSync(packs).find((name) => name.endsWith('.pack')) ?? ''
    await gitBytes(workspace, ['unpack-objects', '-q'], readFileSync(join(packs, pack)))
  }
})

describe('what a job has put into its workspace', () => {
  const SECRET = 'sEcReT-0123456789'

  async function leaveSecrets(): Promise<void> {
    const write = (name: string) => writeFile(join(workspace, name), `${SECRET}\n`)
    const run = (...args: string[]) => git(workspace, ...args)
    await run('config', 'http.extraheader', `AUTHORIZATION: basic ${SECRET}`)
    await run('config', 'user.name', SECRET)
    await mkdir(join(workspace, '.git/lfs/objects'), { recursive: true })
    for (const name of ['description', 'git-credentials.config', 'lfs/objects/x']) await write(`.git/${name}`)
    await appendFile(join(workspace, '.git/info/exclude'), `ignored\n# ${SECRET}\n`)
    for (const name of ['untracked', 'ignored', 'README.md']) await write(name)
    await run('stash', 'push', '--quiet', '--include-untracked', '-m', SECRET)
    await write('committed')
    await run('add', 'committed')
    await run('commit', '--quiet', '-m', SECRET)
    await run('branch', 'other')
    await run('tag', '-a', '-m', SECRET, 'v1')
    await run('reset', '--quiet', '--hard', 'HEAD~1')
    for (const name of ['untracked', 'staged', 'README.md']) await write(name)
    await run('add', 'staged')
    await run('gc', '--quiet')
  }

  it.each([0, 1] as const)('is nowhere in a clean clone of depth %i', async (depth) => {
    await leaveSecrets()
    expect(await allBytesOf(workspace)).toContain(SECRET)
    const env = { ...served.place.env, GIT_COMMITTER_NAME: SECRET, GIT_COMMITTER_EMAIL: SECRET }
    expect(await cloned({ depth, env })).toMatchObject({ objectsFrom: 'workspace' })
    expect(await allBytesOf(into)).not.toContain(SECRET)
    await expectWhole()
    await expectFilesOf(tip)
  })

  it('is not there either where the origin has sent the objects', async () => {
    const env = { ...served.place.env, GIT_COMMITTER_NAME: SECRET, GIT_COMMITTER_EMAIL: SECRET }
    await cloned({ workspace: undefined, env })
    const header = Object.values(served.origin.env).find((value) => value?.startsWith('AUTHORIZATION'))
    const all = await allBytesOf(into)
    for (const secret of [SECRET, `${header}`.split(' ').at(-1)]) expect(all).not.toContain(secret)
  })

  /** Names and contents of all files, as they are and as git reads them. */
  async function allBytesOf(directory: string): Promise<string> {
    const names = readdirSync(directory, { recursive: true, encoding: 'latin1' })
    const files = names
      .map((name) => Buffer.from(`${Buffer.from(directory).toString('latin1')}/${name}`, 'latin1'))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
      .map((path) => readFileSync(path, 'latin1'))
    const objects = await gitBytes(directory, ['cat-file', '--batch-all-objects', '--batch'])
    return [...names, ...files, objects.toString('latin1')].join('\n')
  }
})

describe('a filter of the user', () => {
  const ATTRIBUTES = '*.secret filter=user\n*.bin filter=lfs\n'
  const FILTERS = ['user', 'lfs'].map((name) => `[filter "${name}"]\n\tsmudge = echo in clear\n\trequired\n`)

  it.each(['in a file', 'in variables', 'in the workspace'])(
    '%s does nothing to the files',
    async (where) => {
      const commit = await served.upstream.commit([
        { path: '.gitattributes', content: ATTRIBUTES },
        { path: 'key.secret', content: 'ciphertext\n' },
        { path: 'large.bin', content: 'a pointer\n' },
      ])
      await git(workspace, 'fetch', '--quiet', served.upstream.directory, 'main')
      const config = join(served.root, 'user.config')
      await writeFile(config, FILTERS.join(''))
      const given = {
        'in a file': { GIT_CONFIG_GLOBAL: config },
        'in variables': {
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: 'filter.user.smudge',
          GIT_CONFIG_VALUE_0: 'echo in clear',
        },
        'in the workspace': {},
      }[where]
      if (where === 'in the workspace') await appendFile(join(workspace, '.git/config'), FILTERS.join(''))
      await cloned({ commit, env: { ...served.place.env, ...given } })
      expect(await readFile(join(into, 'key.secret'), 'utf8')).toBe('ciphertext\n')
      expect(await readFile(join(into, 'large.bin'), 'utf8')).toBe('a pointer\n')
      await expectWhole(commit)
    },
  )
})
