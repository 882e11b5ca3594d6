import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
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

interface Name {
  /** `T100` where the row of that id in docs/faults.md is about it. */
  readonly id: 'T100' | '4.2'
  /** Relative to `.git`. */
  readonly name: string
  /** Where a workspace with it is not used again. */
  readonly ofWorkspace?: 'restored'
}

const NAMES: readonly Name[] = [
  { id: 'T100', name: 'modules/x/config', ofWorkspace: 'restored' },
  { id: 'T100', name: 'worktrees/y/gitdir' },
  { id: '4.2', name: 'hooks/post-checkout' },
  { id: '4.2', name: 'config.worktree' },
  { id: '4.2', name: 'gitdir' },
  { id: '4.2', name: 'info/attributes' },
  { id: '4.2', name: 'info/sparse-checkout' },
  { id: '4.2', name: 'info/grafts' },
  { id: '4.2', name: 'fsmonitor--daemon/cookies/x' },
  { id: '4.2', name: 'gc.pid' },
  { id: '4.2', name: 'MERGE_HEAD' },
  { id: '4.2', name: 'CHERRY_PICK_HEAD' },
  { id: '4.2', name: 'REVERT_HEAD' },
  { id: '4.2', name: 'BISECT_LOG' },
  { id: '4.2', name: 'rebase-merge/done' },
  { id: '4.2', name: 'rebase-apply/next' },
  { id: '4.2', name: 'sequencer/todo' },
  { id: '4.2', name: 'COMMIT_EDITMSG' },
  { id: '4.2', name: 'branches/x' },
  { id: '4.2', name: 'remotes/x' },
  { id: '4.2', name: 'svn/.metadata' },
  { id: '4.2', name: 'lfs/hooks/pre-push' },
  { id: '4.2', name: 'lfs/tmp/x' },
  { id: '4.2', name: 'objects/pack/tmp_pack_x' },
  { id: '4.2', name: 'index.lock' },
  { id: '4.2', name: 'HEAD.lock' },
  { id: '4.2', name: 'config.lock' },
  { id: '4.2', name: 'packed-refs.lock' },
  { id: '4.2', name: 'shallow.lock' },
  { id: '4.2', name: 'refs/heads/main.lock' },
  { id: '4.2', name: 'refs/remotes/origin/main.lock' },
  { id: '4.2', name: 'objects/info/commit-graph.lock' },
]

function plant(tree: string, { name }: Name): void {
  mkdirSync(join(tree, '.git', name, '..'), { recursive: true })
  writeFileSync(join(tree, '.git', name), `${'1'.repeat(40)}\n`)
}

describe('of the .git of a snapshot is not taken over', () => {
  it.each(NAMES)('$id: $name', async (row) => {
    const tree = await scene.copyOf(scene.clone)
    plant(tree, row)
    await scene.serve(tree)
    const { workspace, report } = await scene.restore()
    expect(report.outcome).toBe('restored')
    expect(existsSync(join(workspace, '.git', row.name))).toBe(false)
    await scene.expectCommit(workspace)
  })
})

describe('in the .git of a workspace that is used again is gone', () => {
  it.each(NAMES)('$id: $name', async (row) => {
    const workspace = await scene.copyOf(left)
    plant(workspace, row)
    await scene.serve(scene.clone)
    const { report } = await scene.restore({ workspace })
    expect(report.outcome).toBe(row.ofWorkspace ?? 'reused')
    expect(existsSync(join(workspace, '.git', row.name))).toBe(false)
    await scene.expectCommit(workspace)
  })
})

describe('a replaced object shows nobody other contents than the commit has', () => {
  it.each([
    ['in a file', []],
    ['in packed-refs', ['pack-refs', '--all']],
  ])('4.2: %s', async (_, packing) => {
    for (const place of ['snapshot', 'workspace']) {
      const tree = await scene.copyOf(place === 'snapshot' ? scene.clone : left)
      const object = await git(tree, 'rev-parse', 'HEAD:README.md')
      await git(tree, 'replace', object, await git(tree, 'rev-parse', 'HEAD:a.txt'))
      if (packing.length > 0) await git(tree, ...packing)
      expect(await git(tree, 'show', 'HEAD:README.md')).toBe('second')
      await scene.serve(place === 'snapshot' ? tree : scene.clone)
      const { workspace } = await scene.restore(place === 'snapshot' ? {} : { workspace: tree })
      expect(await git(workspace, 'show', 'HEAD:README.md')).toBe('# A project')
      expect(await git(workspace, 'replace', '--list')).toBe('')
    }
  })
})

describe('what the environment says of another repository is not heard', () => {
  it.each([
    'GIT_DIR',
    'GIT_WORK_TREE',
    'GIT_INDEX_FILE',
    'GIT_OBJECT_DIRECTORY',
    'GIT_ALTERNATE_OBJECT_DIRECTORIES',
    'GIT_COMMON_DIR',
    'GIT_NAMESPACE',
  ])('4.2: %s', async (name) => {
    await scene.serve(scene.clone)
    const elsewhere = await scene.copyOf(scene.clone)
    const before = await git(elsewhere, 'for-each-ref')
    const { workspace } = await scene.restore({ env: { [name]: join(elsewhere, '.git') } })
    await scene.expectCommit(workspace)
    expect(await git(elsewhere, 'for-each-ref')).toBe(before)
  })

  it('4.2: GIT_CONFIG_PARAMETERS', async () => {
    await scene.serve(scene.clone)
    const env = {
      GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${scene.canary.program}' 'core.worktree=${scene.canary.outside}'`,
    }
    const { workspace } = await scene.restore({ env })
    expect(scene.canary.signs).toEqual([])
    await scene.expectCommit(workspace)
  })
})
