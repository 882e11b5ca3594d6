import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { pzstd, tarDirectory } from './support/archive.ts'
import { git } from './support/git-repo.ts'
import { Run } from './support/restore-run.ts'
import { serveArchive } from './support/served-archive.ts'
import { useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf, expectSameAsClone, listTree } from './support/working-copy.ts'

const project = useServedProject()

/** Serves a directory's archive as a snapshot server does. */
async function serveTree(directory: string, headers = {}): Promise<{ server: undefined; url: URL }> {
  const bytes = await buffer(pzstd(tarDirectory(directory), { frameBytes: 64 * 1024 }))
  return { server: undefined, url: new URL(await serveArchive(bytes, { headers })) }
}

/** A clone of the project that the test may change. */
async function changedClone(change: (clone: string) => void): Promise<string> {
  const clone = await cloneOf(project.upstream, temporary())
  change(clone)
  return clone
}

it('restores a repository whose objects are named by SHA-256', async () => {
  const place = temporary()
  await git(place, 'init', '--quiet', '--object-format=sha256', '--initial-branch=main', 'source')
  const source = join(place, 'source')
  mkdirSync(join(source, 'src'))
  writeFileSync(join(source, 'src', 'a.ts'), 'export {}\n')
  await git(source, 'add', '.')
  await git(source, 'commit', '--quiet', '--message=First')
  const clone = await cloneOf({ directory: source }, place)
  const commit = await git(clone, 'rev-parse', 'HEAD')
  const run = new Run(project, commit)
  const report = await run.restore(await serveTree(clone, { 'x-cachew-snapshot-commit': commit }))
  expect(report.commit).toBe(commit)
  expect(commit).toHaveLength(64)
  await expectSameAsClone(run.workspace, clone)
})

it('restores a detached HEAD', async () => {
  const clone = await changedClone(() => {})
  await git(clone, 'checkout', '--quiet', '--detach', 'HEAD^')
  const commit = await git(clone, 'rev-parse', 'HEAD')
  const run = new Run(project)
  expect((await run.restore({ ...(await serveTree(clone)), ref: commit })).commit).toBe(commit)
  expect(await git(run.workspace, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('HEAD')
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
})

it('makes good what the archive has otherwise than its commit', async () => {
  const clone = await changedClone((tree) => {
    writeFileSync(join(tree, 'src', 'new.ts'), 'export const answer = 43\n')
    rmSync(join(tree, 'src', 'empty.ts'))
    writeFileSync(join(tree, 'extra.txt'), 'extra')
  })
  const run = new Run(project)
  await run.restore(await serveTree(clone))
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
  expect(listTree(run.workspace, { without: '.git' })).toEqual(listTree(project.clone, { without: '.git' }))
})

it('brings no file that no commit knows into a workspace, even where those that are there stay', async () => {
  const clone = await changedClone((tree) => writeFileSync(join(tree, 'extra.txt'), 'extra'))
  const run = new Run(project)
  await run.restore({ ...(await serveTree(clone)), clean: false })
  expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
})

it.each(['d', 'd/a.txt'])('does not take another object for that of %s', async (path) => {
  const source = temporary()
  await git(source, 'init', '--quiet', '--initial-branch=main')
  mkdirSync(join(source, 'd'))
  const content = join(source, 'd', 'a.txt')
  writeFileSync(content, 'good')
  await git(source, 'add', '.')
  await git(source, 'commit', '--quiet', '--message=One')
  const commit = await git(source, 'rev-parse', 'HEAD')
  const good = await git(source, 'rev-parse', `HEAD:${path}`)
  writeFileSync(content, 'evil')
  await git(source, 'add', '.')
  const evil = await git(source, 'rev-parse', `${await git(source, 'write-tree')}:${path}`)
  const loose = (id: string) => join(source, '.git', 'objects', id.slice(0, 2), id.slice(2))
  rmSync(loose(good))
  copyFileSync(loose(evil), loose(good))
  const run = new Run(project, commit)
  expect(await run.failing(await serveTree(source))).toMatchObject({ code: 'UNSAFE_GIT' })
})

it('takes no setting and no hook from the archive', async () => {
  const clone = await changedClone((tree) => {
    writeFileSync(join(tree, '.git', 'config'), `[core]\n\tfsmonitor = touch ${tree}/ran\n\tbare = false\n`)
    mkdirSync(join(tree, '.git', 'hooks'), { recursive: true })
    writeFileSync(join(tree, '.git', 'hooks', 'post-index-change'), `#!/bin/sh\ntouch ${tree}/ran\n`, {
      mode: 0o755,
    })
  })
  const run = new Run(project)
  await run.restore(await serveTree(clone))
  await expectSameAsClone(run.workspace, project.clone)
  expect(existsSync(join(clone, 'ran'))).toBe(false)
  expect(readdirSync(join(run.workspace, '.git', 'hooks'))).toEqual([])
})
