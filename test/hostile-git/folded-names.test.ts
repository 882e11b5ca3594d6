import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { restore } from '../../src/restore.ts'
import { pzstd } from '../support/archive.ts'
import { useFoldingDisk } from '../support/folding-disk.ts'
import { git, makeUpstream } from '../support/git-repo.ts'
import { startObjectServer } from '../support/object-server.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { temporary } from '../support/temporary.ts'
import { cloneOf, listTree } from '../support/working-copy.ts'
import { forge, loosen } from './forging.ts'

const HISTORY = [
  [
    { path: 'src/a.txt', content: 'good\n' },
    { path: 'z', content: 'z\n' },
  ],
]

it('a forged object is found on a disk where another file takes the place of its own', async (context) => {
  const upstream = await makeUpstream({ root: temporary() }, HISTORY)
  const commit = await upstream.git('rev-parse', 'main')
  const clone = await cloneOf(upstream, temporary())
  await git(clone, 'repack', '-adq')
  await loosen(clone)
  writeFileSync(join(clone, 'src/A.txt'), 'z\n')
  await git(clone, 'add', 'src/A.txt')
  const own = await git(clone, 'commit-tree', '-p', commit, '-m', 'own', await git(clone, 'write-tree'))
  await git(clone, 'update-ref', 'HEAD', own)
  forge(clone, await git(clone, 'rev-parse', 'HEAD:src/a.txt'), 'blob', Buffer.from('forged\n'))
  const names = ['.git', 'src/a.txt', 'src/A.txt', 'z']
  const archive = execFileSync('tar', ['-cf', '-', ...names], { cwd: clone, maxBuffer: 2 ** 28 })
  const server = await startObjectServer({ bytes: await buffer(pzstd(archive, {})) })
  onTestFinished(() => server.close())

  useFoldingDisk(context)
  const [workspace, temp] = [temporary(), temporary()]
  const url = `${server.url}/snapshot.tar.zst`
  const inputs = inputsOf(workspace, { url, source: 'url', 'on-miss': 'fail' })
  const log = (): void => {}
  const restoring = restore(inputs, contextOf(commit, { temp, log, warn: log }))
  await expect(restoring).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
  expect(listTree(workspace)).toEqual(listTree(temporary()))
})
