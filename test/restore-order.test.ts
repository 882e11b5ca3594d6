import { execFileSync } from 'node:child_process'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { git } from './support/git-repo.ts'
import { Run } from './support/restore-run.ts'
import { serveArchive } from './support/served-archive.ts'
import { useServedProject } from './support/served-project.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

type Order = (a: string, b: string) => number
const isInDotGit = (path: string): boolean => path.startsWith('./.git/')
const dotGitFirst: Order = (a, b) => Number(isInDotGit(b)) - Number(isInDotGit(a))
/** As a collation that does not look at punctuation sorts: `.git/HEAD` comes behind `.gitattributes`. */
const byLetters: Order = (a, b) => (lettersOf(a) < lettersOf(b) ? -1 : 1)
const lettersOf = (path: string): string => path.replace(/\W/g, '')
/** HEAD is there early, all that it needs comes last. */
const headFirst: Order = (a, b) =>
  Number(b === './.git/HEAD') - Number(a === './.git/HEAD') || dotGitFirst(b, a)

/** A snapshot of the project by real tar, its files in this order. */
async function serveInOrder(order: Order): Promise<{ server: undefined; url: URL }> {
  const from = ['-C', project.clone]
  const found = execFileSync('find', ['.', '(', '-type', 'f', '-o', '-type', 'l', ')', '-print'], {
    cwd: project.clone,
    encoding: 'latin1',
  })
  const names = found.trimEnd().split('\n').sort(order)
  const archive = execFileSync('tar', [...from, '--no-recursion', '-cf', '-', '-T', '-'], {
    input: Buffer.from(names.join('\n'), 'latin1'),
    maxBuffer: 64 * 1024 * 1024,
  })
  return { server: undefined, url: new URL(await serveArchive(zstdCompressSync(archive))) }
}

describe('an archive', () => {
  it.each<[string, Order]>([
    ['.git first', dotGitFirst],
    ['.git last', (a, b) => dotGitFirst(b, a)],
    ['.git among other files', byLetters],
    ['only HEAD before other files', headFirst],
  ])('with %s is restored as any other', async (_, order) => {
    const run = new Run(project)
    const report = await run.restore(await serveInOrder(order))
    expect(report.commit).toBe(await git(project.clone, 'rev-parse', 'HEAD'))
    await expectSameAsClone(run.workspace, project.clone)
  })
})
