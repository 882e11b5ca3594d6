import { describe, expect, it } from 'vitest'
import { type CachewLocation, locate } from '../../src/snapshot/locate.ts'

const REPOSITORY = { owner: 'octo-org', name: 'octo.repo' }
const COMMIT = '0123456789abcdef0123456789abcdef01234567'

function on(server: string, githubServerUrl = 'https://github.com'): CachewLocation {
  const wanted = { server: new URL(server), url: undefined, repository: REPOSITORY }
  const location = locate({ ...wanted, githubServerUrl: new URL(githubServerUrl) })
  if (location?.kind !== 'cachew') throw new Error('it is not on a server')
  return location
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
    expect(on(server, github).url.href).toBe(expected)
  })

  it('is the given URL, whatever the server, and nothing else lies beside it', () => {
    const url = new URL('https://objects.example/snapshot.tar.zst?signature=1')
    const wanted = { repository: REPOSITORY, githubServerUrl: new URL('https://github.com') }
    expect(locate({ ...wanted, server: undefined, url })).toEqual({ kind: 'url', url })
    expect(locate({ ...wanted, server: new URL('https://cachew.example/'), url })).toEqual({
      kind: 'url',
      url,
    })
  })

  it('is nowhere without a server and a URL', () => {
    const wanted = { repository: REPOSITORY, githubServerUrl: new URL('https://github.com') }
    expect(locate({ ...wanted, server: undefined, url: undefined })).toBeUndefined()
  })
})

describe('a server', () => {
  it.each(['https://cachew.example/', 'https://cachew.example/behind/a/path/'])(
    '%s has everything of a repository at one place',
    (server) => {
      const location = on(server)
      const place = `${server}git/github.com/octo-org/octo.repo`
      expect(location.git.href).toBe(place)
      expect(location.ensureRefs.href).toBe(`${place}/ensure-refs`)
      expect(location.lfs.href).toBe(`${place}/lfs-snapshot.tar.zst`)
      expect(location.bundle(COMMIT).href).toBe(`${place}/snapshot.bundle?base=${COMMIT}`)
    },
  )
})
