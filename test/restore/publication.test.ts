import { lstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Context } from '../../src/job.ts'
import { restore } from '../../src/restore.ts'
import { git, gitEnvironment } from '../support/git-repo.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { change, useSite } from '../support/site.ts'
import { temporary } from '../support/temporary.ts'

const site = useSite()

const CHANGED = [
  { path: 'README.md', content: 'changed\n' },
  { path: 'link', content: 'README.md', kind: 'symlink' as const },
  ...change('new.txt'),
]

const CONVERTING = { ...gitEnvironment, GIT_CONFIG_PARAMETERS: "'core.autocrlf=true'" }

async function restored(said: Readonly<Record<string, string>>, given: Partial<Context> = {}) {
  const { forge, upstream } = site
  const sha = await upstream.commit(CHANGED)
  const workspace = temporary()
  const inputs = {
    'github-server-url': forge.github.url,
    server: forge.snapshots.url,
    token: forge.token,
    'show-progress': 'false',
    ...said,
  }
  const lines: string[] = []
  const log = (line: string) => lines.push(line)
  const context = contextOf(sha, { temp: temporary(), env: gitEnvironment, log, warn: log, ...given })
  const { outcome } = await restore(inputsOf(workspace, inputs), context)
  return { outcome, workspace, lines }
}

/** The files at the top of which the index has another ctime than the disk: git may take them for changed. */
async function staleFiles(tree: string): Promise<string[]> {
  const listed = await git(tree, 'ls-files', '--debug', '--', ':(glob)*')
  const entries = [...listed.matchAll(/^(\S.*)\n {2}ctime: (\d+):(\d+)$/gm)]
  expect(entries.map(([, name]) => name)).toEqual(['README.md', 'link', 'new.txt'])
  const isStale = ([, name = '', seconds = '', nanoseconds = '']: string[]) =>
    lstatSync(join(tree, name), { bigint: true }).ctimeNs !==
    BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds)
  return entries.filter(isStale).map(([, name = '']) => name)
}

it.each([
  { what: 'a newer commit has changed', outcome: 'restored', said: {} },
  { what: 'were fetched', outcome: 'fetched', said: { source: 'none' } },
  { what: 'were fetched without history', outcome: 'fetched', said: { source: 'none', filter: 'blob:none' } },
  { what: 'are converted', outcome: 'restored', said: {}, env: CONVERTING },
])('files that $what are not taken for changed once they are moved into place', async (job) => {
  const { outcome, workspace, lines } = await restored(job.said, job.env && { env: job.env })
  expect(outcome).toBe(job.outcome)
  expect(await staleFiles(workspace)).toEqual([])
  expect(lines.filter((line) => line.includes('read some files again'))).toEqual([])
})

it('the index is no younger than git made it, which reads files of the same age', async () => {
  let staging = ''
  let made = 0
  const { workspace } = await restored(
    { source: 'none' },
    {
      onStaging: (root) => {
        staging = root
      },
      stages: {
        begun: (name) => {
          if (name === 'move into place') made = indexTime(join(staging, 'tree'))
        },
        ended: () => {},
      },
    },
  )
  expect(indexTime(workspace)).toBeLessThanOrEqual(made)
})

function indexTime(tree: string): number {
  return statSync(join(tree, '.git', 'index')).mtimeMs
}
