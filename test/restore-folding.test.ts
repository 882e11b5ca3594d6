import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { restore } from '../src/restore.ts'
import { useFoldingDisk } from './support/folding-disk.ts'
import { git, makeUpstream } from './support/git-repo.ts'
import { contextOf, inputsOf } from './support/restore-arguments.ts'
import { startSnapshotServer } from './support/snapshot-server.ts'
import { temporary } from './support/temporary.ts'
import { cloneOf } from './support/working-copy.ts'

const FILES = {
  'net/xt_MARK.h': 'upper\n',
  'net/xt_mark.h': 'lower\n',
  'Docs/one': '1\n',
  'docs/two': '2\n',
  TOP: 'upper, at the top\n',
  top: 'lower\n',
  plain: 'plain\n',
}

it('a repository with names that differ in their case is restored to an exFAT disk as git clones it there', async (context) => {
  const root = temporary()
  const changes = Object.entries(FILES).map(([path, content]) => ({ path, content }))
  const upstream = await makeUpstream({ root }, [changes])
  const server = await startSnapshotServer({ upstreams: root })
  onTestFinished(() => server.close())
  const { commit } = await server.generate(upstream.repository)

  useFoldingDisk(context)
  const [workspace, temp] = [temporary(), temporary()]
  const clone = await cloneOf(upstream, temporary())
  const log = (): void => {}
  const inputs = inputsOf(workspace, { server: server.url, 'on-miss': 'fail' })
  await restore(inputs, contextOf(commit, { temp, log, warn: log }))

  const contents = (directory: string) =>
    Object.keys(FILES).map((path) => readFileSync(join(directory, path), 'utf8'))
  expect(contents(workspace)).toEqual(contents(clone))
  expect(contents(workspace)).toContain('lower\n')
  expect(await git(workspace, 'status', '--short')).toBe(await git(clone, 'status', '--short'))
  expect(await git(workspace, 'config', 'core.ignorecase')).toBe('true')
})
