import { describe, expect, it } from 'vitest'
import { repositoryAt } from '../../src/git/submodule-address.ts'

const github = new URL('https://github.com')

describe('an address of a submodule', () => {
  it.each([
    'https://github.com/octo/lib',
    'https://github.com/octo/lib.git',
    'https://github.com/octo/lib/',
    'git@github.com:octo/lib.git',
    'ssh://git@github.com/octo/lib.git',
    'org-4711@github.com:octo/lib.git',
  ])('is of a repository of the server as %s', (address) => {
    expect(repositoryAt(address, github)).toEqual({ owner: 'octo', name: 'lib' })
  })

  it('may be of a server with a port', () => {
    const server = new URL('http://127.0.0.1:3000')
    const repository = { owner: 'octo', name: 'a.lib_2' }
    expect(repositoryAt('http://127.0.0.1:3000/octo/a.lib_2', server)).toEqual(repository)
    expect(repositoryAt('git@127.0.0.1:octo/a.lib_2.git', server)).toEqual(repository)
    expect(repositoryAt('http://127.0.0.1/octo/a.lib_2', server)).toBeUndefined()
  })

  it.each([
    ['another host', 'https://gitlab.com/octo/lib'],
    ['a host that begins alike', 'https://github.com.evil.example/octo/lib'],
    ['a host behind a user', 'https://github.com@evil.example/octo/lib'],
    ['a user and password', 'https://me:secret@github.com/octo/lib'],
    ['plain HTTP', 'http://github.com/octo/lib'],
    ['another port', 'https://github.com:8443/octo/lib'],
    ['the git protocol', 'git://github.com/octo/lib'],
    ['another user of SSH', 'me@github.com:octo/lib'],
    ['a command', 'ext::sh -c id'],
    ['a file', 'file:///octo/lib'],
    ['an option', '-uhttps://github.com/octo/lib'],
    ['one name', 'https://github.com/lib'],
    ['three names', 'https://github.com/octo/lib/snapshot'],
    ['a way up', 'https://github.com/../lib'],
    ['a way up as name', 'https://github.com/octo/..'],
    ['a way up behind .git', 'https://github.com/octo/...git'],
    ['nothing before .git', 'https://github.com/octo/.git'],
    ['.git twice', 'https://github.com/octo/lib.git.git'],
    ['an encoded slash', 'https://github.com/octo/..%2flib'],
    ['an encoded dot', 'https://github.com/octo/%2e%2e'],
    ['a backslash', 'https://github.com/octo\\lib/lib'],
    ['a query', 'https://github.com/octo/lib?x=/y'],
    ['a fragment', 'https://github.com/octo/lib#x'],
    ['a line end', 'https://github.com/octo/lib\n'],
    ['a letter beyond ASCII', 'https://github.com/octo/l\u0131b'],
    ['nothing', ''],
  ])('is left to git with %s', (_, address) => {
    expect(repositoryAt(address, github)).toBeUndefined()
  })
})
