import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { releaseIn } from '../scripts/release-check.ts'
import { git } from './support/git-repo.ts'
import { temporary } from './support/temporary.ts'

const MAIN = 'refs/heads/main'

let project: string

beforeEach(async () => {
  project = temporary()
  await git(project, 'init', '--quiet', '--initial-branch=main')
  await git(project, 'commit', '--quiet', '--allow-empty', '--message=begin')
})

interface Files {
  readonly version: string
  readonly locked?: string
  readonly changelog?: string
}

/** What a release reads; by default as it has to be for the version. */
function write({ version, locked = version, changelog }: Files): void {
  const put = (name: string, text: string) => writeFileSync(join(project, name), text)
  put('package.json', JSON.stringify({ version }))
  put('package-lock.json', JSON.stringify({ version: locked, packages: { '': { version: locked } } }))
  put('CHANGELOG.md', changelog ?? `# Changelog\n\n## Unreleased\n\n## ${version} - 2026-11-22\n\n- New.\n`)
}

const kindOf = (version: string, ref = MAIN) => {
  write({ version })
  return releaseIn(project, ref).kind
}

describe('what is to be released', () => {
  it('is the version of package.json, and the newest one is the latest', async () => {
    write({ version: '1.0.0' })
    expect(releaseIn(project, MAIN)).toMatchObject({ version: { tag: 'v1.0.0' }, kind: '--latest' })
    await git(project, 'tag', 'v1.0.0')
    await git(project, 'tag', 'v1.1.0-rc.1')
    expect(kindOf('1.1.0')).toBe('--latest')
    expect(kindOf('1.1.0-rc.2')).toBe('--prerelease')
  })

  it('is not the latest where a newer version is out on another branch', async () => {
    await git(project, 'tag', 'v1.1.0')
    await git(project, 'commit', '--quiet', '--allow-empty', '--message=more')
    await git(project, 'tag', 'v1.2.0')
    await git(project, 'checkout', '--quiet', '-b', 'release/1.1', 'v1.1.0')
    expect(kindOf('1.1.1', 'refs/heads/release/1.1')).toBe('--latest=false')
  })

  it('may have its version in brackets, as the changelog links it', () => {
    write({ version: '1.0.0', changelog: '# Changelog\n\n## [1.0.0] - 2026-11-22\n\n### Added\n\n- It.\n' })
    expect(releaseIn(project, MAIN).version.tag).toBe('v1.0.0')
  })
})

describe('a release is refused', () => {
  it.each([['refs/tags/main'], ['refs/heads/topic'], ['refs/pull/1/merge'], ['']])(
    'that is started at %j',
    (ref) => {
      write({ version: '1.0.0' })
      expect(() => releaseIn(project, ref)).toThrow(`- it was started at ${ref}: start it at main`)
    },
  )

  it('whose version is none', () => {
    write({ version: '1.0' })
    expect(() => releaseIn(project, MAIN)).toThrow('package.json: "1.0" is no version')
  })

  it('that package-lock.json does not know', () => {
    write({ version: '1.0.0', locked: '0.9.0' })
    expect(() => releaseIn(project, MAIN)).toThrow('package-lock.json says "0.9.0" and package.json "1.0.0"')
  })

  it.each([
    ['has no section', '# Changelog\n', 'begins with ""'],
    ['begins with another version', '## 0.9.0 - 2026-01-01\n\n- It.\n', 'begins with "0.9.0"'],
    ['gives no date', '## 1.0.0\n\n- It.\n', 'begins with "1.0.0"'],
    ['says nothing', '## 1.0.0 - 2026-11-22\n\n## 0.9.0 - 2026-01-01\n\n- It.\n', 'begins with "1.0.0"'],
    [
      'has more',
      '## Unreleased\n\n- More.\n\n## 1.0.0 - 2026-11-22\n\n- It.\n',
      'has words under "Unreleased"',
    ],
  ])('of which the changelog %s', (_, changelog, words) => {
    write({ version: '1.0.0', changelog })
    expect(() => releaseIn(project, MAIN)).toThrow(`CHANGELOG.md ${words}`)
  })

  it('that is out, or that its branch has left behind', async () => {
    await git(project, 'tag', 'v1.2.0')
    expect(() => kindOf('1.2.0')).toThrow('- that version is out')
    expect(() => kindOf('1.1.9')).toThrow('- this branch has v1.2.0 already')
  })

  it('with everything that is in its way', () => {
    write({ version: '1.0.0', locked: '0.9.0', changelog: '' })
    expect(() => releaseIn(project, 'refs/heads/topic')).toThrow(
      /^v1\.0\.0 cannot be released:\n- it was started[^\n]+\n- package-lock\.json[^\n]+\n- CHANGELOG\.md[^\n]+$/,
    )
  })
})
