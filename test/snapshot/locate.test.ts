import { describe, expect, it } from 'vitest'
import { locate } from '../../src/snapshot/locate.ts'

const REPOSITORY = { owner: 'octo-org', name: 'octo.repo' }

function at(server: string, githubServerUrl: string): string {
  const wanted = { server: new URL(server), url: undefined, repository: REPOSITORY }
  return locate({ ...wanted, githubServerUrl: new URL(githubServerUrl) }).url.href
}

describe('the place of a snapshot', () => {
  it.each([
    [
      'http://cachew.example:8080/',
      'https://github.com',
      'http://cachew.example:8080/git/github.com/octo-org/octo.repo/snapshot.tar.zst',
    ],
    [
      'https://cachew.example/behind/a/path/',
      'https://github.com',
      'https://cachew.example/behind/a/path/git/github.com/octo-org/octo.repo/snapshot.tar.zst',
    ],
    [
      'https://cachew.example/',
      'https://ghe.example:8443/',
      'https://cachew.example/git/ghe.example:8443/octo-org/octo.repo/snapshot.tar.zst',
    ],
  ])('on %s for a repository of %s is %s', (server, github, expected) => {
    expect(at(server, github)).toBe(expected)
  })

  it('is the given URL, whatever the server', () => {
    const url = new URL('https://objects.example/snapshot.tar.zst?signature=1')
    const wanted = { repository: REPOSITORY, githubServerUrl: new URL('https://github.com') }
    expect(locate({ ...wanted, server: undefined, url })).toEqual({ kind: 'url', url })
    expect(locate({ ...wanted, server: new URL('https://cachew.example/'), url })).toEqual({
      kind: 'url',
      url,
    })
  })

  it('says of which kind it is', () => {
    const server = new URL('https://cachew.example/')
    const githubServerUrl = new URL('https://github.com')
    expect(locate({ server, url: undefined, repository: REPOSITORY, githubServerUrl }).kind).toBe('cachew')
  })
})
