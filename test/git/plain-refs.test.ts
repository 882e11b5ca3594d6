import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { readPlainRefs, writePlainRefs } from '../../src/git/plain-refs.ts'
import { git } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'

const [one, two, long] = ['1'.repeat(40), '2'.repeat(40), '3'.repeat(64)] as const

let directory: string

beforeEach(() => {
  directory = temporary()
})

function plant(name: string, content: string): void {
  const file = join(directory, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content, 'latin1')
}

const read = async () => Object.fromEntries(await readPlainRefs(directory))

describe('the plain refs of a git directory', () => {
  it('are the packed ones, and those in files, which count more', async () => {
    plant('packed-refs', `# pack-refs with: peeled \n${one} refs/heads/main\n${one} refs/tags/v1\n^${two}\n`)
    plant('refs/heads/main', `${two}\n`)
    plant('refs/heads/feature/caf\u00e9', `${long.toUpperCase()}\n`)
    plant('refs/stash', one)
    expect(await read()).toEqual({
      'refs/heads/main': two,
      'refs/tags/v1': one,
      'refs/heads/feature/caf\u00c3\u00a9': long,
      'refs/stash': one,
    })
  })

  it('are none where there are none', async () => {
    expect(await read()).toEqual({})
  })

  it.each([
    ['stands for another', 'refs/heads/a', 'ref: refs/heads/main\n'],
    ['holds something else', 'refs/tags/a', 'garbage\n'],
    ['is empty', 'refs/tags/a', ''],
    ['names no object', 'refs/remotes/origin/a', `${'0'.repeat(40)}\n`],
    ['says more than a name', 'refs/heads/a', `${one}\n${one}\n`],
    ['is large', 'refs/heads/a', `${one}\n${'x'.repeat(100)}`],
    ['replaces an object', `refs/replace/${one}`, `${two}\n`],
    ['belongs to a bisection', 'refs/bisect/bad', `${one}\n`],
    ['is cut off', 'refs/heads/a', one.slice(1)],
  ])('are without one that %s', async (_, name, content) => {
    plant('packed-refs', `${one} refs/heads/main\n`)
    plant(name, content)
    expect(await read()).toEqual({ 'refs/heads/main': one })
  })

  it.each([
    ['behind a name on a line of its own', `${two}\nrefs/replace/${one}\n`],
    ['behind a tab', `${two}\trefs/replace/${one}\n`],
    ['in another case', `${two} refs/Replace/${one}\n`],
    ['with what it leads to', `${two} refs/replace/${one}\n^${two}\n`],
    ['without an end', `${two} refs/replace/${one}`],
    ['that is outside of refs', `${two} config\n${two} ../refs/x\n${two} refs/../x\n`],
  ])('are without a packed replacement or nonsense %s', async (_, lines) => {
    plant('packed-refs', `# pack-refs with: peeled fully-peeled sorted \n${one} refs/heads/main\n${lines}`)
    expect(await read()).toEqual({ 'refs/heads/main': one })
  })

  it('are refused where there are more than any clone has', async () => {
    plant('packed-refs', '')
    truncateSync(join(directory, 'packed-refs'), 200 * 1024 * 1024)
    await expect(read()).rejects.toMatchObject({
      code: 'UNSAFE_GIT',
      message: expect.stringContaining('209715200'),
    })
  })

  it('are read by git as they were written, whatever was there before', async () => {
    await git(directory, 'init', '--quiet', '.')
    await git(directory, 'commit', '--quiet', '--allow-empty', '--message=First')
    await git(directory, 'tag', '--annotate', '--message=v1', 'v1')
    await git(directory, 'branch', 'a')
    await git(directory, 'branch', 'a-b')
    await git(directory, 'branch', 'a.b')
    await git(directory, 'pack-refs', '--all')
    await git(directory, 'branch', 'z/y')
    const list = () => git(directory, 'for-each-ref', '--format=%(objectname) %(refname) %(*objectname)')
    const before = await list()
    const gitDirectory = join(directory, '.git')
    await writePlainRefs(gitDirectory, await readPlainRefs(gitDirectory), 'sha1')
    expect(await list()).toBe(before)
    expect(await git(directory, 'fsck')).toBe('')
  })
})
