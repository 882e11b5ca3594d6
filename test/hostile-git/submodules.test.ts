import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { updateSubmodules } from '../../src/git/submodules.ts'
import { pzstd, tarDirectory } from '../support/archive.ts'
import { git, gitBytes, gitEnvironment, type Upstream } from '../support/git-repo.ts'
import { commitSubmodules } from '../support/site.ts'
import { noWayOn, useScene } from './scene.ts'

const scene = useScene()
let lib: Upstream
/** A clone whose commit has the submodule `lib`. */
let clone: string
let withLib: string
let withoutLib: string
/** Where a job before has restored that commit, without its submodules. */
let left: string

const inputs = { submodules: 'recursive' }

beforeAll(async () => {
  lib = await scene.forge.makeRepository('octo/lib', {
    history: [
      [
        { path: '.gitattributes', content: '* filter=planted\n' },
        { path: 'name', content: 'lib' },
      ],
    ],
  })
  withoutLib = scene.commits.wanted
  const commit = await lib.git('rev-parse', 'main')
  withLib = await commitSubmodules(scene.upstream, [{ path: 'lib', url: '../lib', commit }])
  clone = await scene.cloned()
  left = await scene.leave(clone, withLib)
})

const UPDATE = ['submodule', 'update', '--init'] as const

interface Plant {
  readonly what: string
  readonly plant: (tree: string) => Promise<unknown> | unknown
  readonly ofWorkspace: 'reused' | 'restored'
}

/** A repository of the submodule that runs a program in every way that it has. */
async function hostileRepository(directory: string, ...options: string[]): Promise<void> {
  await git(join(directory, '..'), 'clone', '--quiet', '--no-checkout', ...options, lib.directory, directory)
  const dotGit = options.includes('--bare') ? directory : join(directory, '.git')
  const { program, filter } = scene.canary
  const config = `[core]\n\tfsmonitor = ${program}\n[filter "planted"]\n\tsmudge = ${filter}\n\tclean = ${filter}\n`
  appendFileSync(join(dotGit, 'config'), config)
  mkdirSync(join(dotGit, 'hooks'), { recursive: true })
  writeFileSync(join(dotGit, 'hooks/post-checkout'), `#!/bin/sh\n'${program}'\n`)
  chmodSync(join(dotGit, 'hooks/post-checkout'), 0o755)
}

const PLANTS: readonly Plant[] = [
  {
    what: 'submodule.<name>.update, a command',
    plant: (tree) => git(tree, 'config', 'submodule.lib.update', `!${scene.canary.program}`),
    ofWorkspace: 'reused',
  },
  {
    what: 'submodule.<name>.url, of another server',
    plant: (tree) => git(tree, 'config', 'submodule.lib.url', `${scene.canary.url}/lib`),
    ofWorkspace: 'reused',
  },
  {
    what: 'a repository in .git/modules',
    plant: async (tree) => {
      mkdirSync(join(tree, '.git/modules'))
      await hostileRepository(join(tree, '.git/modules/lib'), '--bare')
      await git(tree, 'config', '--file', '.git/modules/lib/config', 'core.bare', 'false')
      await git(tree, 'config', '--file', '.git/modules/lib/config', 'core.worktree', '../../../lib')
    },
    ofWorkspace: 'restored',
  },
]

describe('where submodules are checked out, nothing comes of', () => {
  it.each(PLANTS)('$what in the .git of a snapshot', async ({ plant }) => {
    const tree = await scene.copyOf(clone)
    await plant(tree)
    await scene.serve(tree, noWayOn, withLib)
    await expectToFire(tree)
    const { workspace, report } = await scene.restore({ commit: withLib, inputs })
    expect(report.outcome).toBe('restored')
    await expectHarmless(workspace)
  })

  it.each(PLANTS)('$what in the .git of a workspace that is used again', async ({ plant, ofWorkspace }) => {
    const workspace = await scene.copyOf(left)
    await plant(workspace)
    await expectToFire(await scene.copyOf(workspace))
    await scene.serve(clone, noWayOn, withLib)
    const { report } = await scene.restore({ workspace, commit: withLib, inputs })
    expect(report.outcome).toBe(ofWorkspace)
    await expectHarmless(workspace)
  })

  it.each(['true', 'false'])('a repository in the place of one, with clean: %s', async (clean) => {
    const workspace = await scene.copyOf(left)
    await hostileRepository(join(workspace, 'lib'))
    await expectToFire(await scene.copyOf(workspace), ['submodule', 'update', '--init', '--force'])
    await scene.serve(clone, noWayOn, withLib)
    const { report } = await scene.restore({ workspace, commit: withLib, inputs: { ...inputs, clean } })
    expect(report.outcome).toBe('restored')
    await expectHarmless(workspace)
  })

  it.each(['true', 'false'])('a repository where the new commit has one, with clean: %s', async (clean) => {
    await scene.serve(clone, noWayOn, withLib)
    const { workspace } = await scene.restore({ commit: withoutLib })
    await hostileRepository(join(workspace, 'lib'))
    await scene.restore({ workspace, commit: withLib, inputs: { ...inputs, clean } })
    await expectHarmless(workspace)
  })
})

describe('in the snapshot of a submodule', () => {
  it('nothing comes of a hostile .git, and the snapshot is of use all the same', async () => {
    const hostile = join(scene.place('hostile'), 'lib')
    mkdirSync(join(hostile, '..'))
    await hostileRepository(hostile)
    await git(hostile, 'checkout', '--quiet', '--force')
    await expectToFire(await scene.copyOf(hostile), ['status'])
    await serveWith(hostile)
    const { workspace, lines } = await scene.restore({ commit: withLib, inputs })
    await expectHarmless(workspace)
    expect(lines.at(-1)).toMatch(/^1 submodule: 1 from snapshots/)
  })

  it('a file that is not the commit’s is put right', async () => {
    const changed = scene.place('changed')
    await git(join(changed, '..'), 'clone', '--quiet', lib.directory, changed)
    writeFileSync(join(changed, 'name'), 'forged')
    writeFileSync(join(changed, 'more'), 'planted')
    await serveWith(changed)
    const { workspace, lines } = await scene.restore({ commit: withLib, inputs })
    await expectHarmless(workspace)
    expect(existsSync(join(workspace, 'lib/more'))).toBe(false)
    expect(lines.at(-1)).toMatch(/^1 submodule: 1 from snapshots/)
  })
})

/** Makes the server answer with the clone for the superproject, and with this directory for the submodule. */
async function serveWith(submodule: string): Promise<void> {
  await scene.serve(clone, noWayOn, withLib)
  const others = scene.forge.faults.snapshots
  const object = await buffer(pzstd(tarDirectory(submodule)))
  scene.forge.faults.snapshots = (request) =>
    request.path.endsWith('/octo/lib/snapshot.tar.zst') ? { object } : others?.(request)
}

async function expectToFire(tree: string, command: readonly string[] = UPDATE): Promise<void> {
  await scene.plainly(tree, [command, ['-C', 'lib', 'status']])
  expect(scene.canary.signs).not.toEqual([])
  scene.canary.reset()
}

async function expectHarmless(tree: string): Promise<void> {
  expect(scene.canary.signs).toEqual([])
  expect(readFileSync(join(tree, 'lib/name'), 'utf8')).toBe('lib')
  expect(await git(tree, 'rev-parse', 'HEAD')).toBe(withLib)
  await scene.plainly(tree, [UPDATE, ['status'], ['-C', 'lib', 'status']])
  expect(scene.canary.signs).toEqual([])
}

interface Hostile {
  readonly what: string
  readonly modules: () => string
  readonly path?: string
}

const HOSTILE: readonly Hostile[] = [
  {
    what: 'a command in update',
    modules: () => section('lib', '../lib', `\tupdate = !${scene.canary.program}\n`),
  },
  { what: 'an ext:: address', modules: () => section('lib', `ext::${scene.canary.program}`) },
  { what: 'an address on the disk', modules: () => section('lib', `file://${lib.directory}`) },
  {
    what: 'an address that is an option (CVE-2018-17456)',
    modules: () => section('lib', `-u${scene.canary.program}`),
  },
  {
    what: 'a name that leads out (CVE-2018-11235)',
    modules: () => section('../../outside', '../lib', '', 'lib'),
  },
  { what: 'a path that is an option', modules: () => section('lib', '../lib', '', '-x'), path: '-x' },
]

function section(name: string, url: string, more = '', path = name): string {
  return `[submodule "${name}"]\n\tpath = ${path}\n\turl = ${url}\n${more}`
}

async function commitModules({ modules, path = 'lib' }: Hostile): Promise<string> {
  const text = modules()
  const module = await lib.git('rev-parse', 'main')
  const branch = 'refs/heads/hostile'
  const stream = [
    `commit ${branch}\ncommitter Ada <ada@example.com> 1700009999 +0000\ndata 1\nx\nfrom ${withoutLib}\n`,
    `M 100644 inline .gitmodules\ndata ${Buffer.byteLength(text)}\n${text}\nM 160000 ${module} ${path}\n`,
  ]
  await gitBytes(
    scene.upstream.directory,
    ['fast-import', '--quiet', '--force'],
    Buffer.from(stream.join('')),
  )
  return scene.upstream.git('rev-parse', branch)
}

describe('a commit whose .gitmodules has', () => {
  it.each(HOSTILE)('$what is an error, runs nothing and writes nothing outside', async (row) => {
    const commit = await commitModules(row)
    const tree = scene.place('tree')
    await git(join(tree, '..'), 'clone', '--quiet', '--no-checkout', scene.upstream.directory, tree)
    // Git itself takes offence at some, with every command but these.
    await git(tree, 'update-ref', '--no-deref', 'HEAD', commit)
    await git(tree, 'read-tree', '--reset', '-u', commit)
    const update = updateSubmodules({
      git: gitIn(tree, { env: gitEnvironment, signal: new AbortController().signal }),
      tree,
      mode: 'recursive',
      depth: 1,
      hasLfs: false,
      env: gitEnvironment,
      retries: { random: () => 0, wait: async () => {}, onRetry: () => {} },
      onProgress: undefined,
    })
    await expect(update).rejects.toMatchObject({ code: expect.stringMatching(/^(ORIGIN|GIT)_FAILED$/) })
    expect(scene.canary.signs).toEqual([])
    expect(existsSync(join(tree, '.git/modules/../../outside'))).toBe(false)
  })
})
