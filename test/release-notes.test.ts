import { execFile } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { commitsSince, versionsBehind } from '../scripts/release-history.ts'
import { notesOf } from '../scripts/release-notes.ts'
import { requireVersion, versionBefore } from '../scripts/release-version.ts'
import { git } from './support/git-repo.ts'
import { temporary } from './support/temporary.ts'

let project: string

beforeEach(async () => {
  project = temporary()
  await git(project, 'init', '--quiet', '--initial-branch=main')
})

async function commit(...messages: readonly string[]): Promise<void> {
  for (const message of messages)
    await git(project, 'commit', '--quiet', '--allow-empty', `--message=${message}`)
}

/** The notes of a version at HEAD; the hash of a commit is as long as everywhere, and the same. */
function notes(tag: string): string {
  const version = requireVersion(tag)
  const previous = versionBefore(version, versionsBehind(project))
  return notesOf(version, previous, commitsSince(project, previous)).replaceAll(
    /\([0-9a-f]{7}\)$/gm,
    '(hash)',
  )
}

describe('the notes of a release', () => {
  it('have what is new for who uses the action, by its kind, the newest first', async () => {
    await commit('feat: long ago')
    await git(project, 'tag', 'v1.0.0')
    await commit(
      'fix(save): a lost race',
      'docs: a word',
      'feat: a mirror (#12)',
      'perf(unpack): fewer calls',
      'feat(warm): the store',
      'build(deps-dev): bump it',
      'revert: a mirror',
    )
    expect(notes('v1.1.0')).toBe(`## New

- **warm**: the store (hash)
- a mirror (#12) (hash)

## Fixed

- **save**: a lost race (hash)

## Faster

- **unpack**: fewer calls (hash)

## Taken back

- a mirror (hash)

[All commits since v1.0.0](https://github.com/git-snapshot/git-snapshot/compare/v1.0.0...v1.1.0)
`)
  })

  it('begin with what breaks, by the mark or by the footer, once', async () => {
    await commit(
      'feat(inputs)!: depth is a number',
      'refactor!: Node 24 alone',
      'fix: a key\n\nWhy.\n\nBREAKING CHANGE: snapshots of before\nare not found.\nReviewed-by: Ada',
    )
    expect(notes('v1.0.0')).toBe(`## Breaking changes

- snapshots of before are not found. (hash)
- Node 24 alone (hash)
- **inputs**: depth is a number (hash)

The first version. [All commits](https://github.com/git-snapshot/git-snapshot/commits/v1.0.0)
`)
  })

  it('leave out what only merges, and have what was merged', async () => {
    await commit('chore: begin')
    await git(project, 'checkout', '--quiet', '-b', 'topic')
    await commit('feat: on a branch')
    await git(project, 'checkout', '--quiet', 'main')
    await git(project, 'merge', '--quiet', '--no-ff', '--message=Merge pull request #1 from topic', 'topic')
    expect(notes('v1.0.0')).toContain('## New\n\n- on a branch (hash)\n\nThe first')
  })

  it('keep what has a title of another form', async () => {
    await commit('Revert "feat: a mirror"', 'constructor: of something', 'wip')
    expect(notes('v1.0.0')).toContain(
      '## Other\n\n- wip (hash)\n- of something (hash)\n- Revert "feat: a mirror" (hash)\n\n',
    )
  })

  it('say so where nothing changes for users', async () => {
    await commit('feat: it')
    await git(project, 'tag', 'v1.0.0')
    await commit('test: more')
    expect(notes('v1.0.1')).toMatch(
      /^Nothing changes for who uses the action\.\n\n\[All commits since v1\.0\.0\]/,
    )
  })

  it('begin after the last version of their own branch, and tell again what prereleases told', async () => {
    await commit('feat: one')
    await git(project, 'tag', 'v1.0.0')
    await git(project, 'checkout', '--quiet', '-b', 'release/1.0')
    await commit('fix: of one')
    await git(project, 'checkout', '--quiet', 'main')
    await commit('feat: two')
    await git(project, 'tag', 'v1.1.0-rc.1')
    await commit('fix: of two')
    expect(notes('v1.1.0-rc.2')).toMatch(
      /^## Fixed\n\n- of two \(hash\)\n\n\[All commits since v1\.1\.0-rc\.1\]/,
    )
    expect(notes('v1.1.0')).toMatch(
      /^## New\n\n- two \(hash\)\n\n## Fixed\n\n- of two \(hash\)\n\n\[.*v1\.0\.0\]/,
    )
    await git(project, 'tag', 'v1.1.0')
    await git(project, 'checkout', '--quiet', 'release/1.0')
    expect(notes('v1.0.1')).toMatch(/^## Fixed\n\n- of one \(hash\)\n\n\[All commits since v1\.0\.0\]/)
  })

  it('are printed by the script in the repository that it is of, and no version is refused', async () => {
    mkdirSync(join(project, 'scripts'))
    cpSync(join(import.meta.dirname, '../scripts'), join(project, 'scripts'), { recursive: true })
    await commit('feat: it')
    const script = join(project, 'scripts/release-notes.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [script, 'v1.0.0'])
    expect(stdout).toMatch(/^## New\n\n- it \([0-9a-f]{7}\)\n/)
    await expect(promisify(execFile)(process.execPath, [script])).rejects.toThrow('"" is no version')
  })
})
