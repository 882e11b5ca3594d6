import { existsSync } from 'node:fs'
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { staysInDotGit } from '../../src/git/dotgit.ts'
import { probeConfig } from '../../src/git/fresh-config.ts'
import { gitIn } from '../../src/git/git.ts'
import type { ObjectFormat } from '../../src/git/index-entries.ts'
import { fillIndex } from '../../src/git/index-file.ts'
import { makeFirstIndex, type SettleOptions, settle } from '../../src/git/settle.ts'
import { git, gitEnvironment, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'
import { recordsOf } from './index-records.ts'

const remoteUrl = 'https://github.com/octo/project'

let root: string
let clone: string
let tree: string

beforeEach(async () => {
  root = await realpath(temporary())
  clone = join(root, 'clone')
  tree = join(root, 'tree')
})

async function cloneOfUpstream(): Promise<Upstream> {
  const upstream = await makeUpstream({ root })
  await upstream.git('tag', 'v1', 'main~1')
  await upstream.git('branch', 'feature/other', 'main~1')
  await git(root, 'clone', '--quiet', upstream.directory, clone)
  return upstream
}

/** Puts into `tree` what an unpacked snapshot of `clone` would be. */
async function unpack(): Promise<void> {
  await copyKept(Buffer.alloc(0))
}

async function copyKept(directory: Buffer): Promise<void> {
  const from = Buffer.concat([Buffer.from(`${clone}/`), directory])
  const to = Buffer.concat([Buffer.from(`${tree}/`), directory])
  await mkdir(to)
  for (const entry of await readdir(from, { encoding: 'buffer', withFileTypes: true })) {
    const name = Buffer.concat([directory, entry.name]).toString('latin1')
    if (name.startsWith('.git/') && !staysInDotGit(name.slice('.git/'.length))) continue
    const source = Buffer.concat([from, entry.name])
    const target = Buffer.concat([to, entry.name])
    if (entry.isDirectory()) await copyKept(Buffer.from(`${name}/`, 'latin1'))
    else if (entry.isSymbolicLink()) await symlink(await readlink(source, 'buffer'), target)
    else await copyFile(source, target)
  }
}

/** Settles it, and tells the index of its files, which are all there. */
async function settleTree(options: Partial<SettleOptions> = {}, format: ObjectFormat = 'sha1') {
  const probedConfig = await probeConfig(join(root, 'probe'), gitContext)
  const how = { ...gitContext, probedConfig, remoteUrl }
  const settled = await settle({ ...how, tree, expectedCommit: undefined, ...options })
  await makeFirstIndex(gitIn(tree, gitContext), settled.commit)
  return { ...settled, ...(await fillIndex(join(tree, '.git'), recordsOf(tree, format), format)) }
}

const fileCount = async () => (await git(clone, 'ls-files')).split('\n').length

describe('settling an unpacked tree', () => {
  it('makes it a clean clone at the same commit in which git has nothing to read', async () => {
    await cloneOfUpstream()
    await git(clone, 'remote', 'set-head', 'origin', '--delete')
    await unpack()
    const commit = await git(clone, 'rev-parse', 'HEAD')
    const entries = await fileCount()
    const settled = await settleTree({ expectedCommit: commit })
    const proven = { entries, filled: entries, leftOut: 0 }
    const { refs, ...others } = settled
    expect(others).toEqual({ commit, branch: 'main', objectFormat: 'sha1', isShallow: false, ...proven })
    expect(refs?.get('refs/heads/main')).toBe(commit)
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
    expect(await git(tree, 'status', '--porcelain')).toBe('')
    expect(await git(tree, 'fsck', '--no-dangling')).toBe('')
    for (const question of [['for-each-ref'], ['ls-files', '--stage'], ['log', '--all', '--format=%H %D']]) {
      expect(await git(tree, ...question)).toBe(await git(clone, ...question))
    }
  })

  it('gives it the config of a clone from GitHub, without garbage collection', async () => {
    const upstream = await cloneOfUpstream()
    await unpack()
    await settleTree()
    const list = async (directory: string) =>
      (await git(directory, 'config', '--local', '--list')).split('\n').filter((line) => line !== 'gc.auto=0')
    expect((await list(tree)).join('\n').replace(remoteUrl, upstream.directory)).toBe(
      (await list(clone)).join('\n'),
    )
    expect(await git(tree, 'config', '--local', 'gc.auto')).toBe('0')
    expect(await git(tree, 'remote', 'get-url', 'origin')).toBe(remoteUrl)
  })

  it('lets nothing of a hostile .git through', async () => {
    await cloneOfUpstream()
    const marker = join(root, 'marker')
    const program = join(clone, '.git/hooks/post-index-change')
    await mkdir(join(clone, '.git/hooks'), { recursive: true })
    await writeFile(program, `#!/bin/sh\ntouch '${marker}'\n`)
    await chmod(program, 0o755)
    await git(clone, 'update-index', '--skip-worktree', 'README.md')
    await git(clone, 'replace', 'HEAD', 'HEAD~1')
    await mkdir(join(root, 'store'))
    await writeFile(join(clone, '.git/objects/info/alternates'), `${join(root, 'store')}\n`)
    await writeFile(join(clone, '.git/info/attributes'), '* filter=planted\n')
    await writeFile(join(clone, '.git/config.worktree'), `[core]\n\tfsmonitor = ${program}\n`)
    await writeFile(join(clone, '.git/index.lock'), '')
    await writeFile(join(clone, '.git/refs/heads/main.lock'), '')
    const planted = `[core]\n\tfsmonitor = ${program}\n[filter "planted"]\n\tclean = touch '${marker}'\n`
    await appendFile(join(clone, '.git/config'), planted)
    await unpack()
    await writeFile(join(tree, 'README.md'), 'changed\n')
    await rm(marker, { force: true }) // the planting itself ran the hook

    const { commit } = await settleTree()
    expect(await git(tree, 'status', '--porcelain')).toBe(' M README.md')
    expect(await git(tree, 'log', '-1', '--format=%H')).toBe(commit)
    expect(await git(tree, 'replace', '--list')).toBe('')
    expect(existsSync(marker)).toBe(false)
    const names = await readdir(join(tree, '.git'))
    const others = ['config', 'hooks', 'index', 'info', 'objects', 'packed-refs', 'refs']
    expect(names.sort()).toEqual(['HEAD', ...others])
    expect(await readdir(join(tree, '.git/hooks'))).toEqual([])
  })

  it('hides no change behind a packed replacement', async () => {
    await cloneOfUpstream()
    await git(clone, 'replace', 'HEAD', 'HEAD~1')
    await git(clone, 'pack-refs', '--all')
    await unpack()
    expect(await readFile(join(tree, '.git/packed-refs'), 'latin1')).toContain('refs/replace/')
    await settleTree()
    expect(await git(tree, 'replace', '--list')).toBe('')
    expect(await git(tree, 'status', '--porcelain')).toBe('')
    expect(await git(tree, 'fsck', '--no-dangling')).toBe('')
  })

  it('keeps a detached HEAD detached', async () => {
    await cloneOfUpstream()
    await git(clone, 'checkout', '--quiet', '--detach', 'HEAD~1')
    await unpack()
    const commit = await git(clone, 'rev-parse', 'HEAD')
    expect(await settleTree({ expectedCommit: commit })).toMatchObject({ commit, branch: undefined })
    expect(await git(tree, 'status', '--porcelain', '--branch')).toBe('## HEAD (no branch)')
  })

  it('finds the commit of a branch whose ref is packed', async () => {
    await cloneOfUpstream()
    await git(clone, 'checkout', '--quiet', 'feature/other')
    await git(clone, 'pack-refs', '--all', '--prune')
    await unpack()
    await rm(join(tree, '.git/refs'), { recursive: true })
    expect(await settleTree()).toMatchObject({ branch: 'feature/other' })
    const tracking = '## feature/other...origin/feature/other'
    expect(await git(tree, 'status', '--porcelain', '--branch')).toBe(tracking)
  })

  it('settles a SHA-256 repository', async () => {
    await git(root, 'init', '--quiet', '--object-format=sha256', '--initial-branch=main', clone)
    await writeFile(join(clone, 'file'), 'content\n')
    await git(clone, 'add', '.')
    await git(clone, 'commit', '--quiet', '--message=First')
    await unpack()
    const settled = await settleTree({}, 'sha256')
    expect(settled).toMatchObject({ objectFormat: 'sha256', entries: 1, filled: 1 })
    expect(settled.commit).toHaveLength(64)
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
    expect(await git(tree, 'fsck')).toBe('')
  })

  it('settles a shallow clone', async () => {
    const upstream = await makeUpstream({ root })
    await git(root, 'clone', '--quiet', '--depth=1', `file://${upstream.directory}`, clone)
    await unpack()
    await settleTree()
    expect(await git(tree, 'rev-parse', '--is-shallow-repository')).toBe('true')
    expect(await git(tree, 'status', '--porcelain')).toBe('')
  })

  it("makes an index that can be filled whatever the user's settings are", async () => {
    await cloneOfUpstream()
    await unpack()
    const settings = [
      'feature.manyFiles=true',
      'index.version=4',
      'core.splitIndex=true',
      'core.untrackedCache=true',
      'index.threads=2',
    ]
    const global = join(root, 'global.config')
    for (const [key = '', value = ''] of settings.map((setting) => setting.split('='))) {
      await git(root, 'config', '--file', global, key, value)
    }
    const env = { ...gitEnvironment, GIT_CONFIG_GLOBAL: global, GIT_INDEX_VERSION: '4' }
    const entries = await fileCount()
    expect(await settleTree({ env })).toMatchObject({ entries, filled: entries })
    expect(await git(tree, 'diff-files', '--name-only')).toBe('')
  })

  it('takes the tree from the commit, not from a commit-graph that says otherwise', async () => {
    await cloneOfUpstream()
    const [tip, before] = (await git(clone, 'rev-parse', 'HEAD^{tree}', 'HEAD~1^{tree}')).split('\n')
    await git(clone, 'commit-graph', 'write', '--reachable')
    const graph = join(clone, '.git/objects/info/commit-graph')
    const bytes = await readFile(graph)
    const at = bytes.indexOf(Buffer.from(`${tip}`, 'hex'))
    expect(at).toBeGreaterThan(0)
    bytes.set(Buffer.from(`${before}`, 'hex'), at)
    await chmod(graph, 0o644)
    await writeFile(graph, bytes)
    await unpack()
    const entries = await fileCount()
    expect(await settleTree()).toMatchObject({ entries, filled: entries })
  })

  it('refuses a commit other than the announced one, naming both', async () => {
    await cloneOfUpstream()
    await unpack()
    const commit = await git(clone, 'rev-parse', 'HEAD')
    const expectedCommit = await git(clone, 'rev-parse', 'HEAD~1')
    const failure = settleTree({ expectedCommit })
    await expect(failure).rejects.toMatchObject({ code: 'COMMIT_MISMATCH' })
    await expect(failure).rejects.toThrow(new RegExp(`${commit}.*${expectedCommit}`))
  })

  it('says so when HEAD names no commit', async () => {
    await git(root, 'init', '--quiet', clone)
    await unpack()
    const failure = settleTree()
    await expect(failure).rejects.toMatchObject({ code: 'GIT_FAILED' })
    await expect(failure).rejects.toThrow("The snapshot's HEAD is no commit that git can read")
  })

  it('starts nothing once it is aborted', async () => {
    await cloneOfUpstream()
    await unpack()
    const reason = new ActionError('CANCELLED', 'cancelled')
    await expect(settleTree({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(existsSync(join(tree, '.git/index'))).toBe(false)
  })
})
