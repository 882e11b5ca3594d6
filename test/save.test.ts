import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { CACHED_FILE } from '../src/snapshot/actions-cache.ts'
import { keyOf } from '../src/snapshot/cache-key.ts'
import { git } from './support/git-repo.ts'
import { shallowCommits } from './support/portrait.ts'
import { skipWithout } from './support/programs.ts'
import { useSaveScene } from './support/save-scene.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone, listTree } from './support/working-copy.ts'

const scene = useSaveScene()

beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

const DEPTHS = [
  { depth: '1', kind: 'shallow' },
  { depth: '0', kind: 'full' },
] as const

function keyFor(kind: 'shallow' | 'full', change: { branch?: string; name?: string; commit?: string } = {}) {
  const { host } = scene.forge.github
  return keyOf({
    host,
    owner: 'octo',
    name: 'project',
    branch: 'main',
    kind,
    commit: scene.commit,
    ...change,
  })
}

describe.each(DEPTHS)('what is saved with fetch-depth $depth', ({ depth, kind }) => {
  const inputs = { 'fetch-depth': depth }

  function expectHistory(directory: string): void {
    expect(shallowCommits(directory)).toEqual(kind === 'shallow' ? [scene.commit] : [])
  }

  it('is restored: the exact tree at the exact commit', async () => {
    const saved = await scene.save({ inputs })
    expect(saved).toMatchObject({ outcome: 'saved', key: keyFor(kind), commit: scene.commit })
    const { workspace, report } = await scene.restore(inputs)
    expect(report).toMatchObject({
      outcome: 'restored',
      freshenedBy: 'none',
      snapshot: { source: 'actions-cache', commit: scene.commit },
    })
    await expectSameAsClone(workspace, await cloneOf(scene.upstream, temporary()), scene.originUrl)
    expectHistory(workspace)
  })

  it('is restored, and goes on to a newer commit', async () => {
    await scene.save({ inputs })
    const newer = await scene.upstream.commit([{ path: 'newer', content: 'newer\n' }])
    const { workspace, report } = await scene.restore(inputs, newer)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'origin', commit: newer })
    expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(newer)
    expect(await git(workspace, 'status', '--porcelain', '--ignored')).toBe('')
    const clone = await cloneOf(scene.upstream, temporary())
    expect(listTree(workspace, { without: '.git' })).toEqual(listTree(clone, { without: '.git' }))
  })

  it('is a whole clone to zstd and tar', async () => {
    await scene.cloneIntoWorkspace()
    await scene.save({ inputs })
    const { directory } = await scene.archive()
    const clone = await cloneOf(scene.upstream, temporary())
    expect(listTree(directory, { without: '.git' })).toEqual(listTree(clone, { without: '.git' }))
    expect(await git(directory, 'status', '--porcelain', '--ignored')).toBe('')
    expect(await git(directory, 'fsck', '--strict', '--no-progress')).toBe('')
    const refs = ['for-each-ref', '--format=%(refname) %(objectname) %(symref)']
    for (const args of [refs, ['symbolic-ref', 'HEAD'], ['rev-parse', 'HEAD']]) {
      expect(await git(directory, ...args)).toBe(await git(clone, ...args))
    }
    expectHistory(directory)
  })
})

describe('a saved snapshot', () => {
  it('is the one file of the archive that @actions/cache makes', async () => {
    await scene.save()
    const input = await scene.outerArchive()
    expect(execFileSync('tar', ['-t'], { input }).toString()).toBe(`${CACHED_FILE}\n`)
  })

  it('is made of the workspace, without a word to the origin', async () => {
    await scene.cloneIntoWorkspace()
    expect(await scene.save()).toMatchObject({ outcome: 'saved' })
    expect(scene.forge.github.log).toEqual([])
    expect(scene.lines).toEqual([])
  })

  it('is made of a clone that lies at the path', async () => {
    const { workspace } = scene.place
    await git(workspace, 'clone', '--quiet', `file://${scene.upstream.directory}`, 'deeper/clone')
    expect(await scene.save({ inputs: { path: 'deeper/clone' } })).toMatchObject({ outcome: 'saved' })
    expect(scene.forge.github.log).toEqual([])
  })

  it('comes from the origin where the workspace does not have the commit', async () => {
    await scene.cloneIntoWorkspace()
    const sha = await scene.upstream.commit([{ path: 'newer', content: 'newer\n' }])
    const saved = await scene.save({ event: { sha } })
    expect(saved).toMatchObject({ outcome: 'saved', commit: sha, key: keyFor('shallow', { commit: sha }) })
    expect(scene.lines.join('\n')).toContain('the clone in the workspace will not do')
    const { workspace } = await scene.restore({}, sha)
    expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(sha)
  })

  it('leaves the workspace as it was, and nothing in the temporary directory', async () => {
    await scene.cloneIntoWorkspace()
    const before = listTree(scene.place.workspace)
    await scene.save()
    expect(listTree(scene.place.workspace)).toEqual(before)
    expect(readdirSync(scene.place.temp)).toEqual([])
  })

  it('is counted', async () => {
    const report = await scene.save()
    const { bytes, directory } = await scene.archive()
    const tree = listTree(directory).filter((line) => !/^[^ ]*\/ \d+$/.test(line))
    expect(report).toMatchObject({ repository: 'octo/project', branch: 'main', unpackedBytes: bytes.length })
    expect(report.files).toBe(tree.length)
    expect(report.bytes).toBeGreaterThan(0)
    const { cloneMs, packMs, uploadMs, totalMs } = report
    for (const ms of [cloneMs, packMs, uploadMs]) expect(ms).toBeGreaterThan(0)
    expect(cloneMs + packMs + uploadMs).toBeLessThanOrEqual(totalMs)
  })

  it('may be compressed harder, and is then smaller', async () => {
    await scene.upstream.commit([{ path: 'words', content: 'some words again and again\n'.repeat(50_000) }])
    const sha = await scene.upstream.git('rev-parse', 'main')
    const sizes: number[] = []
    for (const level of ['1', '19']) {
      const saved = await scene.save({
        event: { sha },
        inputs: { level },
        context: { saveCache: async () => true },
      })
      sizes.push(saved.bytes)
    }
    expect(sizes[1]).toBeLessThan(sizes[0] ?? 0)
  })
})

describe('a snapshot can be saved of', () => {
  it.each(['topic/a,b', 'refs/heads/topic/a,b'])('the branch that the input ref names, %s', async (ref) => {
    await scene.upstream.git('branch', 'topic/a,b')
    const commit = await scene.upstream.commit([{ path: 'topic', content: 'topic\n' }], {
      branch: 'topic/a,b',
    })
    const key = keyFor('shallow', { branch: 'topic/a,b', commit })
    expect(await scene.save({ inputs: { ref } })).toMatchObject({ key, commit, branch: 'topic/a,b' })
    const { directory } = await scene.archive()
    expect(await git(directory, 'symbolic-ref', 'HEAD')).toBe('refs/heads/topic/a,b')
    expect(await git(directory, 'rev-parse', 'HEAD')).toBe(commit)
  })

  it('the default branch of another repository', async () => {
    const history = [[{ path: 'other', content: 'other\n' }]]
    const other = await scene.forge.makeRepository('octo/other', { history })
    const commit = await other.git('rev-parse', 'main')
    const key = keyFor('shallow', { name: 'other', commit })
    expect(await scene.save({ inputs: { repository: 'octo/other' } })).toMatchObject({ key, commit })
    const { directory } = await scene.archive()
    expect(readdirSync(directory).sort()).toEqual(['.git', 'other'])
  })

  it('a branch whose job was not started by a push', async () => {
    const event = { name: 'schedule', payload: { schedule: '17 */6 * * *' } }
    expect(await scene.save({ event })).toMatchObject({ outcome: 'saved', key: keyFor('shallow') })
  })

  it('a repository of SHA-256', async () => {
    const other = await scene.forge.makeRepository('octo/sha256', { objectFormat: 'sha256' })
    const commit = await other.git('rev-parse', 'main')
    expect(await scene.save({ inputs: { repository: 'octo/sha256' } })).toMatchObject({ commit })
    const { directory } = await scene.archive()
    expect(await git(directory, 'rev-parse', 'HEAD')).toBe(commit)
    expect(await git(directory, 'status', '--porcelain')).toBe('')
  })
})
