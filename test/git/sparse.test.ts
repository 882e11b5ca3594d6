import { existsSync } from 'node:fs'
import { readdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkOut } from '../../src/git/check-out.ts'
import { gitIn } from '../../src/git/git.ts'
import type { Sparse } from '../../src/git/sparse.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { git, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let root: string
let tree: string
let upstream: Upstream

beforeEach(async () => {
  root = await realpath(temporary())
  tree = join(root, 'tree')
  upstream = await makeUpstream({ root }, [
    [
      { path: 'README.md', content: 'top\n' },
      { path: 'src/main.ts', content: 'main\n' },
      { path: 'src/deep/part.ts', content: 'part\n' },
      { path: 'docs/guide.md', content: 'guide\n' },
      { path: '-dash/file', content: 'dash\n' },
    ],
  ])
})

const clone = (...options: string[]) => git(root, 'clone', '--quiet', ...options, upstream.directory, tree)

async function checkOutMain(sparse: Sparse | undefined, state: 'new' | 'reused' = 'new'): Promise<void> {
  await checkOut({
    git: gitIn(tree, gitContext),
    tree,
    target: targetOf('refs/heads/main', await upstream.git('rev-parse', 'main')),
    sparse,
    clone: state,
    untracked: 'remove',
  })
}

async function files(): Promise<string[]> {
  const names = await readdir(tree, { recursive: true, withFileTypes: true })
  return names
    .filter((entry) => entry.isFile() && !join(entry.parentPath, '/').includes('/.git/'))
    .map((entry) => join(entry.parentPath, entry.name).slice(tree.length + 1))
    .sort()
}

const everything = ['-dash/file', 'README.md', 'docs/guide.md', 'src/deep/part.ts', 'src/main.ts']

describe.each([
  ['an unpacked snapshot', []],
  ['a clone without files', ['--no-checkout']],
])('sparse patterns in %s', (_, options) => {
  it('as directories leave these and the files above them', async () => {
    await clone(...options)
    await checkOutMain({ patterns: ['src/deep'], isCone: true })
    expect(await files()).toEqual(['README.md', 'src/deep/part.ts', 'src/main.ts'])
    expect(await git(tree, 'status', '--porcelain')).toBe('')
    expect(await git(tree, 'sparse-checkout', 'list')).toBe('src/deep')
  })

  it('as in a .gitignore leave what they match', async () => {
    await clone(...options)
    await checkOutMain({ patterns: ['/docs/', '*.ts', '!part.ts'], isCone: false })
    expect(await files()).toEqual(['docs/guide.md', 'src/main.ts'])
    expect(await git(tree, 'status', '--porcelain')).toBe('')
    expect(await git(tree, 'config', '--local', 'core.sparseCheckout')).toBe('true')
  })
})

describe('sparse patterns', () => {
  it('are never taken for options of git', async () => {
    await clone()
    await checkOutMain({ patterns: ['-dash'], isCone: true })
    expect(await files()).toEqual(['-dash/file', 'README.md'])
  })

  it.each([true, false])(
    'leave no changed or foreign file outside them (as directories: %s)',
    async (isCone) => {
      await clone()
      await writeFile(join(tree, 'docs/guide.md'), 'changed by somebody\n')
      await writeFile(join(tree, 'docs/foreign.md'), '')
      await checkOutMain({ patterns: ['src'], isCone })
      expect(existsSync(join(tree, 'docs'))).toBe(false)
      expect(await git(tree, 'status', '--porcelain')).toBe('')
    },
  )

  it('hold for the files of a newer commit too', async () => {
    await clone()
    await upstream.commit([
      { path: 'docs/new.md', content: 'new\n' },
      { path: 'src/new.ts', content: 'new\n' },
    ])
    await git(tree, 'fetch', '--quiet')
    await checkOutMain({ patterns: ['src'], isCone: true })
    expect(await files()).toEqual(['README.md', 'src/deep/part.ts', 'src/main.ts', 'src/new.ts'])
  })

  it.each([true, false])('change or end in a clone that had others (as directories: %s)', async (isCone) => {
    await clone()
    await checkOutMain({ patterns: ['src'], isCone })
    await checkOutMain({ patterns: ['docs'], isCone }, 'reused')
    expect((await files()).filter((name) => name.includes('/'))).toEqual(['docs/guide.md'])
    await checkOutMain(undefined, 'reused')
    expect(await files()).toEqual(everything)
    expect(await git(tree, 'ls-files', '-t')).not.toMatch(/^S/m)
    expect(await git(tree, 'config', '--local', '--list')).not.toContain('worktreeconfig')
  })

  it('planted in an index alone hide nothing in a clone that is used again', async () => {
    await clone()
    await git(tree, 'update-index', '--skip-worktree', 'README.md')
    await writeFile(join(tree, 'README.md'), 'hidden change\n')
    await checkOutMain(undefined, 'reused')
    expect(await git(tree, 'ls-files', '-t')).not.toMatch(/^S/m)
    expect(await git(tree, 'diff', '--name-only', 'HEAD')).toBe('')
  })

  it('that git refuses are an error that says so', async () => {
    await clone()
    await expect(checkOutMain({ patterns: ['/src'], isCone: true })).rejects.toThrow(
      /in cone mode directories without a leading slash/,
    )
  })
})
