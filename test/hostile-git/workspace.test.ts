import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { useScene } from './scene.ts'

const scene = useScene()
/** Where a job before has restored the snapshot. */
let left: string

beforeAll(async () => {
  left = await scene.leave()
})

interface Link {
  readonly what: string
  /** Relative to `.git`. */
  readonly name: string
  readonly triggers: readonly (readonly string[])[]
}

const LINKS: readonly Link[] = [
  { what: 'the log of HEAD', name: 'logs/HEAD', triggers: [['checkout', '--quiet', '--detach', 'HEAD~1']] },
  { what: 'the local branches', name: 'refs/heads', triggers: [['branch', 'other']] },
  { what: 'the remote branches', name: 'refs/remotes', triggers: [['fetch', '--quiet', 'origin']] },
  { what: 'the packs', name: 'objects/pack', triggers: [['repack', '-a', '--quiet']] },
  { what: 'the objects', name: 'objects/info', triggers: [['update-server-info']] },
]

describe('a workspace in which a link leads out of .git, by', () => {
  it.each(LINKS)('$what, is restored anew and nothing is written there', async ({ name, triggers }) => {
    const workspace = await scene.copyOf(left)
    const target = join(scene.canary.outside, 'target')
    const path = join(workspace, '.git', name)
    mkdirSync(join(path, '..'), { recursive: true })
    if (name === 'logs/HEAD') writeFileSync(target, '')
    else if (existsSync(path)) renameSync(path, target)
    else mkdirSync(target)
    rmSync(path, { recursive: true, force: true })
    symlinkSync(target, path)
    const before = contents(scene.canary.outside)
    const copy = await scene.copyOf(workspace)
    const { report } = await scene.restore({ workspace })
    expect(report.outcome).toBe('restored')
    expect(contents(scene.canary.outside)).toEqual(before)
    await scene.expectCommit(workspace)
    await scene.plainly(copy, triggers)
    expect(contents(scene.canary.outside)).not.toEqual(before)
  })
})

function contents(directory: string): readonly string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => `${name} ${statSync(join(directory, name)).size}`)
}

describe('a workspace that is a bare repository itself', () => {
  /** Git takes the directory for the repository where its `.git` is none. */
  async function makeBare(workspace: string): Promise<void> {
    const { canary, upstream, originUrl } = scene
    await git(workspace, 'clone', '--quiet', '--bare', upstream.directory, 'bare')
    for (const name of ['HEAD', 'objects', 'refs', 'packed-refs', 'config']) {
      renameSync(join(workspace, 'bare', name), join(workspace, name))
    }
    rmSync(join(workspace, 'bare'), { recursive: true })
    const config = `[core]\n\tbare = false\n\tworktree = ${canary.outside}\n\tfsmonitor = ${canary.program}\n`
    const filter = `[filter "planted"]\n\tsmudge = ${canary.filter}\n`
    appendFileSync(join(workspace, 'config'), `${config}${filter}[remote "origin"]\n\turl = ${originUrl}\n`)
  }

  it.each<[string, (dotGit: string) => void]>([
    ['its HEAD is no reference', (dotGit) => writeFileSync(join(dotGit, 'HEAD'), 'nothing\n')],
    ['its HEAD leads out', (dotGit) => writeFileSync(join(dotGit, 'HEAD'), 'ref: ../../x\n')],
  ])('behind a .git that is none, as %s, is restored anew', async (_, spoil) => {
    const workspace = await scene.copyOf(left)
    await makeBare(workspace)
    spoil(join(workspace, '.git'))
    await scene.plainly(await scene.copyOf(workspace), [['reset', '--hard'], ['status']])
    expect(scene.canary.signs).not.toEqual([])
    scene.canary.reset()
    writeFileSync(join(scene.canary.outside, 'precious'), '')
    const { report } = await scene.restore({ workspace })
    expect(report.outcome).toBe('restored')
    expect(scene.canary.signs).toEqual(['wrote precious'])
    await scene.expectCommit(workspace)
  })
})

describe('a repository inside a workspace that is used again', () => {
  it('is gone, also from a directory that has files of the commit', async () => {
    const workspace = await scene.copyOf(left)
    for (const place of ['src', 'foreign']) {
      mkdirSync(join(workspace, place), { recursive: true })
      await git(join(workspace, place), 'init', '--quiet')
      await git(join(workspace, place), 'config', 'core.fsmonitor', scene.canary.program)
    }
    await scene.plainly(await scene.copyOf(workspace), [['-C', 'src', 'status']])
    expect(scene.canary.signs).not.toEqual([])
    scene.canary.reset()
    const { report } = await scene.restore({ workspace })
    expect(report.outcome).toBe('reused')
    await scene.plainly(workspace, [['-C', 'src', 'status']])
    expect(scene.canary.signs).toEqual([])
    expect(existsSync(join(workspace, 'src/.git'))).toBe(false)
    await scene.expectCommit(workspace)
  })
})

describe('a change that the index of a workspace hides', () => {
  it.each([
    ['by skip-worktree', 'skip-worktree'],
    ['by assume-unchanged', 'assume-unchanged'],
    ['by a monitor that saw nothing', 'fsmonitor-valid'],
  ])('%s, is undone', async (_, flag) => {
    const workspace = await scene.copyOf(left)
    const file = join(workspace, 'README.md')
    const { atime, mtime } = statSync(file)
    await git(workspace, 'update-index', `--${flag}`, 'README.md').catch(() => {})
    writeFileSync(file, '# A pr0ject\n')
    utimesSync(file, atime, mtime)
    for (const commit of [scene.commits.snapshot, scene.commits.wanted]) {
      const { report } = await scene.restore({ workspace, commit })
      expect(report.outcome).toBe('reused')
      expect(readFileSync(file, 'utf8')).toBe('# A project\n')
    }
    await scene.expectCommit(workspace)
  })
})

describe('a link in the place of a directory of the commit', () => {
  it.each(['true', 'false'])('is not written through with clean: %s', async (clean) => {
    const workspace = await scene.copyOf(left)
    rmSync(join(workspace, 'src'), { recursive: true })
    symlinkSync(scene.canary.outside, join(workspace, 'src'))
    writeFileSync(join(scene.canary.outside, 'precious'), '')
    const { report } = await scene.restore({ workspace, inputs: { clean } })
    expect(report.outcome).toBe('reused')
    expect(scene.canary.signs).toEqual(['wrote precious'])
    await scene.expectCommit(workspace)
  })
})

it('what a killed git left behind is no obstacle, as locks at any depth', async () => {
  const workspace = await scene.copyOf(left)
  const locks = [
    'index',
    'HEAD',
    'config',
    'packed-refs',
    'shallow',
    'refs/heads/main',
    'refs/remotes/origin/main',
  ]
  for (const name of [...locks, 'objects/info/commit-graph', 'objects/maintenance', 'logs/HEAD']) {
    mkdirSync(join(workspace, '.git', name, '..'), { recursive: true })
    writeFileSync(join(workspace, '.git', `${name}.lock`), '')
  }
  const { report } = await scene.restore({ workspace })
  expect(report.outcome).toBe('reused')
  await scene.expectCommit(workspace)
  const names = readdirSync(join(workspace, '.git'), { recursive: true, encoding: 'utf8' })
  expect(names.filter((name) => name.endsWith('.lock'))).toEqual([])
})
