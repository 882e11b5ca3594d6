import { describe, expect, it } from 'vitest'
import {
  compareVersions,
  requireVersion,
  tagsToMove,
  versionBefore,
  versionOf,
} from '../scripts/release-version.ts'

const versions = (...tags: readonly string[]) => tags.map((tag) => requireVersion(tag))

describe('a version', () => {
  it('is named by its tag, however it was said', () => {
    expect(versionOf('1.2.3')?.tag).toBe('v1.2.3')
    expect(versionOf('v1.2.3-rc.1')).toMatchObject({ tag: 'v1.2.3-rc.1', isPrerelease: true })
  })

  it.each([
    '',
    'v1',
    'v1.2',
    '1.2.3.4',
    '01.2.3',
    '1.2.3-rc',
    '1.2.3-rc.01',
    '1.2.3+5',
    '1.2.3-next.1',
    'v1.2.3\n',
  ])('is not %j', (text) => {
    expect(versionOf(text)).toBeUndefined()
    expect(() => requireVersion(text)).toThrow(`"${text}" is no version: say it as v1.2.3 or v1.2.3-rc.1`)
  })

  it('comes after its prereleases, and numbers count as numbers', () => {
    const inOrder = [
      'v1.2.9',
      'v1.2.10',
      'v1.10.0-alpha.2',
      'v1.10.0-beta.1',
      'v1.10.0-rc.9',
      'v1.10.0-rc.10',
      'v1.10.0',
      'v2.0.0',
    ]
    expect(
      versions(...inOrder)
        .toReversed()
        .toSorted(compareVersions)
        .map(({ tag }) => tag),
    ).toEqual(inOrder)
  })

  it.each([
    ['v1.2.0', ['v1.1.0', 'v1.2.0-rc.1', 'v2.0.0'], 'v1.1.0'],
    ['v1.2.0-rc.2', ['v1.1.0', 'v1.2.0-rc.1', 'v2.0.0'], 'v1.2.0-rc.1'],
    ['v1.0.0', ['v1.0.0-rc.1'], undefined],
  ])('%s comes after %j as %s', (next, others, previous) => {
    expect(versionBefore(requireVersion(next), versions(...others))?.tag).toBe(previous)
  })
})

describe('the tags that follow a version', () => {
  it.each([
    ['the first one', 'v1.0.0', [], ['v1', 'v1.0']],
    ['the newest one', 'v1.2.0', ['v1.0.0', 'v1.1.4'], ['v1', 'v1.2']],
    ['a fix of an older line', 'v1.1.5', ['v1.1.4', 'v1.2.0'], ['v1.1']],
    ['a fix of an older line beside a newer major one', 'v1.2.1', ['v1.2.0', 'v2.0.0'], ['v1', 'v1.2']],
    ['one that is older than what is out', 'v1.1.3', ['v1.1.4', 'v1.2.0'], []],
    ['one that only a prerelease is newer than', 'v1.2.0', ['v1.3.0-rc.1'], ['v1', 'v1.2']],
    ['a prerelease', 'v2.0.0-rc.1', ['v1.2.0'], []],
    ['a number with more digits', 'v1.10.0', ['v1.9.0'], ['v1', 'v1.10']],
  ])('are right after %s', (_, released, before, moving) => {
    expect(tagsToMove(requireVersion(released), versions(...before, released))).toEqual(moving)
  })
})
