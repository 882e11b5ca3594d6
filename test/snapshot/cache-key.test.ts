import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CachedSnapshot, keyOf, lookupOf, newestLookup, parseKey } from '../../src/snapshot/cache-key.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const REPOSITORY = { host: 'github.com', owner: 'octo', name: 'project' }
const SNAPSHOT: CachedSnapshot = { ...REPOSITORY, branch: 'main', kind: 'full', commit: COMMIT }
const KEY = `git-snapshot-v1:github.com/octo/project:main:full:${COMMIT}`

describe('the key of a cached snapshot', () => {
  it.each<[string, Partial<CachedSnapshot>, string]>([
    ['names repository, branch, kind and commit', {}, KEY],
    ['has the kind', { kind: 'shallow' }, KEY.replace('full', 'shallow')],
    ['has a commit of SHA-256', { commit: COMMIT.padEnd(64, '0') }, KEY.padEnd(KEY.length + 24, '0')],
    [
      'is the same however the repository is written',
      { host: 'GitHub.com', owner: 'Octo', name: 'PROJECT' },
      KEY,
    ],
    ['keeps the case of a branch', { branch: 'Main' }, KEY.replace('main', 'Main')],
    ['keeps slashes in a branch', { branch: 'fix/a/b' }, KEY.replace('main', 'fix/a/b')],
    ['escapes a comma', { branch: 'a,b' }, KEY.replace('main', 'a%2Cb')],
    ['escapes an escape', { branch: 'a%2Cb' }, KEY.replace('main', 'a%252Cb')],
    ['escapes what is not ASCII', { branch: 'größe' }, KEY.replace('main', 'gr%C3%B6%C3%9Fe')],
    ['escapes a port', { host: 'localhost:3000' }, KEY.replace('github.com', 'localhost%3A3000')],
  ])('%s', (_, change, key) => {
    expect(keyOf({ ...SNAPSHOT, ...change })).toBe(key)
  })

  it('is none where it would have more than 512 characters', () => {
    const room = 512 - KEY.length + 'main'.length
    expect(keyOf({ ...SNAPSHOT, branch: 'b'.repeat(room) })).toHaveLength(512)
    expect(keyOf({ ...SNAPSHOT, branch: 'b'.repeat(room + 1) })).toBeUndefined()
    expect(keyOf({ ...SNAPSHOT, branch: 'ö'.repeat(100) })).toBeUndefined()
  })

  it.each([
    'npm-Linux-abc',
    '',
    'git-snapshot-v1:',
    KEY.replace('v1', 'v2'),
    ` ${KEY}`,
    `${KEY}\n`,
    `${KEY}0`,
    KEY.slice(0, -1),
    KEY.replace(COMMIT, COMMIT.toUpperCase()),
    KEY.replace('full', 'half'),
    KEY.replace('octo', 'Octo'),
    KEY.replace('octo/', ''),
    KEY.replace('octo', 'octo/more'),
    KEY.replace('main', ''),
    KEY.replace('main', 'a:b'),
    KEY.replace('main', 'a%2fb'),
    KEY.replace('main', 'a%zz'),
    KEY.replace('main', 'a%ff'),
    KEY.replace('main', 'b'.repeat(600)),
  ])('is not "%s"', (key) => {
    expect(parseKey(key)).toBeUndefined()
  })

  const branches = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  const snapshots = branches.map((branch) => ({ ...SNAPSHOT, branch }))

  it('tells what it was made of, has no comma, and begins as no other branch’s does', () => {
    fc.assert(
      fc.property(snapshots, snapshots, (one, other) => {
        const key = keyOf(one) ?? ''
        expect(parseKey(key)).toEqual(one)
        expect(key).toMatch(/^[!-+\--~]+$/)
        fc.pre(one.branch !== other.branch)
        expect(key.startsWith((keyOf(other) ?? '').slice(0, -COMMIT.length))).toBe(false)
      }),
    )
  })
})

describe('a restore asks for', () => {
  const ask = (wishes: Partial<Parameters<typeof lookupOf>[0]>) => {
    const lookup = lookupOf({
      ...REPOSITORY,
      branches: ['main'],
      commit: undefined,
      fetchDepth: 1,
      ...wishes,
    })
    const short = (key: string) => key.replace('git-snapshot-v1:github.com/octo/project:', '')
    return lookup && [lookup.key, ...lookup.restoreKeys].map(short)
  }

  it.each<[string, Parameters<typeof ask>[0], readonly string[]]>([
    ['the newest, a shallow one first', {}, ['main:shallow:', 'main:full:']],
    ['a full one where the whole history is wanted', { fetchDepth: 0 }, ['main:full:']],
    [
      'a shallow one first where more than one commit is wanted',
      { fetchDepth: 9 },
      ['main:shallow:', 'main:full:'],
    ],
    ['its commit first', { fetchDepth: 0, commit: COMMIT }, [`main:full:${COMMIT}`, 'main:full:']],
    [
      'its branch first, then the default branch',
      { branches: ['topic', 'main'] },
      ['topic:shallow:', 'topic:full:', 'main:shallow:', 'main:full:'],
    ],
    ['one branch once', { branches: ['main', 'main'], fetchDepth: 0 }, ['main:full:']],
    [
      'the default branch alone where the other’s name is too long',
      { branches: ['b'.repeat(500), 'main'] },
      ['main:shallow:', 'main:full:'],
    ],
    [
      'no more than the service takes',
      { branches: ['topic', 'main'], commit: COMMIT },
      ['topic', 'main'].flatMap((branch) =>
        ['shallow', 'full'].flatMap((kind) => [`${branch}:${kind}:${COMMIT}`, `${branch}:${kind}:`]),
      ),
    ],
  ])('%s', (_, wishes, keys) => {
    expect(ask(wishes)).toEqual(keys)
  })

  it('nothing where it has no branch, or none whose name fits', () => {
    expect(ask({ branches: [] })).toBeUndefined()
    expect(ask({ branches: ['b'.repeat(500)] })).toBeUndefined()
  })
})

describe('who saves a snapshot', () => {
  it('asks for it, and else for the newest of its branch and kind alone', () => {
    expect(newestLookup(SNAPSHOT)).toEqual({ key: KEY, restoreKeys: [KEY.slice(0, -COMMIT.length)] })
    const shallow = { ...SNAPSHOT, kind: 'shallow', branch: 'a,b' } as const
    expect(newestLookup(shallow).key).toBe(keyOf(shallow))
  })
})
