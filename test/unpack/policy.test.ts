import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Naming } from '../../src/unpack/entry-name.ts'
import { type Decision, EntryPolicy, linkedPath } from '../../src/unpack/policy.ts'
import type { TarEntry } from '../../src/unpack/tar.ts'
import { AMPLE_LIMITS } from '../support/tree-limits.ts'

interface Policy {
  readonly policy: EntryPolicy
  /** The directories made so far. */
  readonly made: string[]
  readonly decide: (path: string, entry?: Partial<TarEntry>) => Decision
}

function makePolicy(
  limits = AMPLE_LIMITS,
  staysInDotGit: (name: string) => boolean = () => true,
  naming: Naming = 'posix',
): Policy {
  const made: string[] = []
  const policy = new EntryPolicy({
    limits,
    staysInDotGit,
    naming,
    makeDirectory: (path) => void made.push(path),
  })
  const decide = (path: string, entry: Partial<TarEntry> = {}): Decision =>
    policy.decide({ kind: 'file', path, target: '', size: 0, executable: false, ...entry })
  return { policy, made, decide }
}

const unsafe = expect.objectContaining({ code: 'UNSAFE_ENTRY' })
const tooMuch = expect.objectContaining({ code: 'LIMIT_EXCEEDED' })

describe('an entry', () => {
  it('has a path without ./ before it and slashes after it', () => {
    const { decide } = makePolicy()
    expect(decide('./a/b')).toMatchObject({ kind: 'file', path: 'a/b' })
    expect(decide('./d/', { kind: 'directory' })).toEqual({ kind: 'directory', path: 'd' })
    expect(decide('e', { kind: 'directory' })).toEqual({ kind: 'directory', path: 'e' })
    for (const path of ['.', './']) expect(decide(path, { kind: 'directory' })).toEqual({ kind: 'skip' })
  })

  it('has a number if it is a file, counted from 0', () => {
    const { policy, decide } = makePolicy()
    expect(decide('a')).toMatchObject({ number: 0 })
    decide('d', { kind: 'directory' })
    decide('l', { kind: 'symlink', target: 'a' })
    expect(decide('d/b')).toMatchObject({ number: 1 })
    expect(['a', 'd/b', 'd', 'l', '', 'no'].map((path) => policy.numberOf(path))).toEqual([
      0,
      1,
      ...Array(4).fill(undefined),
    ])
  })

  it('has its directories made, each once, parents first', () => {
    const { made, decide } = makePolicy()
    decide('a/b/c/f')
    decide('a/b/g')
    decide('a/b', { kind: 'directory' })
    decide('a/x', { kind: 'directory' })
    decide('b/c/l', { kind: 'symlink', target: 'x' })
    expect(made).toEqual(['a', 'a/b', 'a/b/c', 'a/x', 'b', 'b/c'])
  })

  it('may be 256 deep, have names of 255 bytes, and a path of 4096', () => {
    const deep = (depth: number): string => Array(depth).fill('d').join('/')
    expect(makePolicy().decide(deep(256)).kind).toBe('file')
    expect(() => makePolicy().decide(deep(257))).toThrow(unsafe)
    expect(makePolicy().decide(`${'n'.repeat(255)}/${'m'.repeat(255)}`).kind).toBe('file')
    expect(() => makePolicy().decide(`${'n'.repeat(256)}/m`)).toThrow(unsafe)
    expect(() => makePolicy().decide('n'.repeat(256))).toThrow(unsafe)
    const long = `${'n'.repeat(255)}/`.repeat(16).slice(0, 4096 - 1)
    expect(makePolicy().decide(long).kind).toBe('file')
    expect(() => makePolicy().decide(`${long}nn`)).toThrow(unsafe)
  })

  it('has a name that Windows has, where that is asked for, wherever it stands and whatever has it', () => {
    for (const name of ['a:b', 'a\\b', 'con', 'NUL.txt', 'dot.', 'sp ', '\xff', 'a\x1f']) {
      for (const path of [name, `d/${name}`, `${name}/f`, `d/${name}/f`]) {
        for (const kind of ['file', 'directory', 'symlink'] as const) {
          const entry = { kind, target: kind === 'symlink' ? 't' : '' }
          const { made, decide } = makePolicy(AMPLE_LIMITS, () => true, 'windows')
          expect(() => decide(path, entry)).toThrow(unsafe)
          expect(made).toEqual([])
          expect(makePolicy().decide(path, entry).kind).toBe(kind)
        }
      }
    }
  })

  it('that is refused leaves no directories behind', () => {
    for (const path of ['a/b/../c', 'a/b/.GIT/c', `a/b/${'n'.repeat(256)}`, 'a//b']) {
      const { made, decide } = makePolicy()
      expect(() => decide(path)).toThrow(unsafe)
      expect(made).toEqual([])
    }
  })

  it('is named in the error, in one line, as people read it', () => {
    const error = expect.objectContaining({ message: expect.stringContaining('"../a\\nb\\u001b"') })
    expect(() => makePolicy().decide('../a\nb\x1b')).toThrow(error)
    const readable = expect.objectContaining({ message: expect.stringContaining('"../é"') })
    expect(() => makePolicy().decide('../\xc3\xa9')).toThrow(readable)
  })

  it('has the same fate whatever order entries come in, and whatever was before', () => {
    const name = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 3 })
    const kind = fc.constantFrom<TarEntry['kind']>('file', 'directory', 'symlink')
    fc.assert(
      fc.property(fc.array(fc.record({ name, kind }), { maxLength: 20 }), (entries) => {
        const { made, decide } = makePolicy()
        const known = new Map<string, TarEntry['kind']>()
        for (const entry of entries) {
          const path = entry.name.join('/')
          const above = entry.name.slice(1).map((_, index) => entry.name.slice(0, index + 1).join('/'))
          const isFree =
            known.get(path) === undefined || (entry.kind === 'directory' && known.get(path) === 'directory')
          const isRoom = above.every((place) => (known.get(place) ?? 'directory') === 'directory')
          const run = () => decide(path, { kind: entry.kind, target: entry.kind === 'symlink' ? 't' : '' })
          if (!isFree || !isRoom) {
            expect(run).toThrow(unsafe)
            return
          }
          expect(run()).toMatchObject({ kind: entry.kind, path })
          for (const place of above) known.set(place, 'directory')
          known.set(path, entry.kind)
        }
        const directories = [...known].filter(([, kind]) => kind === 'directory').map(([path]) => path)
        expect(made.toSorted()).toEqual(directories.toSorted())
        expect(
          made.every(
            (path) =>
              !path.includes('/') || made.indexOf(path.slice(0, path.lastIndexOf('/'))) < made.indexOf(path),
          ),
        ).toBe(true)
      }),
    )
  })
})

describe('inside .git', () => {
  it('names are asked for, relative to it, and counted where they do not stay', () => {
    const asked: string[] = []
    const { policy, made, decide } = makePolicy(AMPLE_LIMITS, (name) => {
      asked.push(name)
      return name.startsWith('refs')
    })
    decide('.git', { kind: 'directory' })
    expect(decide('.git/refs/heads/main')).toMatchObject({ kind: 'file', inDotGit: true })
    expect(decide('.git/hooks/', { kind: 'directory' })).toEqual({ kind: 'skip' })
    expect(decide('./.git/hooks/x')).toEqual({ kind: 'skip' })
    expect(decide('.gitignore')).toMatchObject({ kind: 'file', inDotGit: false })
    expect(asked).toEqual(['refs/heads/main', 'hooks', 'hooks/x'])
    expect(policy.skipped).toBe(2)
    expect(made).toEqual(['.git', '.git/refs', '.git/refs/heads'])
  })

  it('what is not taken over is still checked for its name', () => {
    for (const path of ['.git/hooks/../../x', '.git/hooks//x', '.git/a/.GIT']) {
      expect(() => makePolicy(AMPLE_LIMITS, () => false).decide(path)).toThrow(unsafe)
    }
  })
})

describe('a hard link', () => {
  it('may name its file with ./', () => {
    const { decide } = makePolicy()
    decide('./a/b')
    expect(decide('l', { kind: 'hardlink', target: './a/b' })).toEqual({ kind: 'hardlink', path: 'l' })
    expect(linkedPath({ kind: 'hardlink', path: 'l', target: './a/b', size: 0, executable: false })).toBe(
      'a/b',
    )
  })

  it.each(['a/../a/b', 'a//b', 'a/b/', '/a/b', '././a/b', 'a', '', 'a/b\0', 'A/B'])(
    'must name it byte for byte, not as %j',
    (target) => {
      const { decide } = makePolicy()
      decide('./a/b')
      expect(() => decide('l', { kind: 'hardlink', target })).toThrow(unsafe)
    },
  )
})

describe('an archive', () => {
  it('may have so many entries, directories that it does not name among them', () => {
    const limits = { entries: 3, bytes: 100 }
    const { decide } = makePolicy(limits)
    for (const path of ['a', 'b', 'c']) decide(path)
    expect(() => decide('d')).toThrow(tooMuch)
    expect(() => makePolicy(limits).decide('a/b/c/f')).toThrow(tooMuch)
    expect(makePolicy(limits).decide('a/b/f').kind).toBe('file')
  })

  it('counts entries that are not written', () => {
    const { decide } = makePolicy({ entries: 3, bytes: 100 }, () => false)
    for (const path of ['.git/a', '.git/b', '.git/c']) decide(path)
    expect(() => decide('.git/d')).toThrow(tooMuch)
  })

  it('may unpack to so many bytes, which is known before they are there', () => {
    const { decide } = makePolicy({ entries: 10, bytes: 100 })
    decide('a', { size: 60 })
    decide('b', { size: 40 })
    expect(() => decide('c', { size: 1 })).toThrow(tooMuch)
    expect(() => makePolicy().decide('big', { size: Number.MAX_SAFE_INTEGER })).toThrow(tooMuch)
  })

  it('may have so many bytes of anything', () => {
    const { policy } = makePolicy({ entries: 10, bytes: 100 })
    policy.countRead(60)
    policy.countRead(40)
    expect(() => policy.countRead(1)).toThrow(tooMuch)
  })

  it('may have 64 MiB of link targets', () => {
    const { decide } = makePolicy()
    const target = 't'.repeat(4095)
    for (let link = 0; link < 16_388; link += 1) decide(`l${link}`, { kind: 'symlink', target })
    decide('last', { kind: 'symlink', target: 't'.repeat(4) })
    expect(() => decide('l', { kind: 'symlink', target: 't' })).toThrow(tooMuch)
  })

  it('may have links to 4095 bytes, as many as a system makes', () => {
    const { decide } = makePolicy()
    expect(decide('l', { kind: 'symlink', target: 't'.repeat(4095) }).kind).toBe('symlink')
    expect(() => decide('m', { kind: 'symlink', target: 't'.repeat(4096) })).toThrow(unsafe)
  })

  it('T96: may have 500,000 links, which are queued, and no more', () => {
    const { decide } = makePolicy()
    for (let link = 0; link < 500_000; link += 1) decide(`l${link}`, { kind: 'symlink', target: 't' })
    expect(() => decide('l', { kind: 'symlink', target: 't' })).toThrow(tooMuch)
  })
})
