import { describe, expect, it } from 'vitest'
import { type CachewLocation, locate, locationAt, type NoLocation } from '../../src/snapshot/locate.ts'

const REPOSITORY = { owner: 'octo-org', name: 'octo.repo' }
const NOWHERE = {
  servers: [],
  url: undefined,
  repository: REPOSITORY,
  githubServerUrl: new URL('https://github.com'),
}
const COMMIT = '0123456789abcdef0123456789abcdef01234567'

function on(server: string, githubServerUrl = 'https://github.com'): CachewLocation {
  return locationAt(new URL(server), { repository: REPOSITORY, githubServerUrl: new URL(githubServerUrl) })
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
    const wanted = { ...NOWHERE, source: 'url', url } as const
    const there = { kind: 'somewhere', places: [{ kind: 'url', url }] }
    expect(locate(wanted, {})).toEqual(there)
    expect(locate({ ...wanted, servers: [new URL('https://cachew.example/')] }, {})).toEqual(there)
  })

  it('is at each of several servers, in their order', () => {
    const servers = [new URL('https://one.example/'), new URL('https://two.example/x/')]
    const where = locate({ ...NOWHERE, source: 'cachew', servers }, {})
    expect(where).toMatchObject({
      kind: 'somewhere',
      places: [
        { kind: 'cachew', server: servers[0], url: on('https://one.example/').url },
        { kind: 'cachew', server: servers[1], url: on('https://two.example/x/').url },
      ],
    })
  })

  it('is nowhere without a server, a URL and an Actions cache', () => {
    expect(locate({ ...NOWHERE, source: 'none' }, {})).toMatchObject({ kind: 'nowhere' })
    expect(locate({ ...NOWHERE, source: 'actions-cache' }, {})).toMatchObject({ kind: 'nowhere' })
  })

  it.each([
    ['', {}, 'none of server, CACHEW_URL and url is set', 'set server or url, or source: none'],
    [
      ' by its name',
      { isCacheNamed: true },
      'source is actions-cache',
      'set source to auto with server or url, or to none',
    ],
  ])(
    'is nowhere without the Actions cache that is asked for%s, which says what to do',
    (_, named, why, instead) => {
      const { reason } = locate({ ...NOWHERE, ...named, source: 'actions-cache' }, {}) as NoLocation
      const isLacking = ', and this job has no Actions cache (the runner did not set '
      expect(reason.startsWith(`${why}${isLacking}`)).toBe(true)
      expect(reason.endsWith(`): ${instead} to go without a snapshot`)).toBe(true)
    },
  )

  it('is the Actions cache of the job, where that has one', () => {
    const env = {
      ACTIONS_RESULTS_URL: 'https://results.example/',
      ACTIONS_RUNTIME_TOKEN: 'token',
      ACTIONS_CACHE_SERVICE_V2: 'true',
    }
    expect(locate({ ...NOWHERE, source: 'actions-cache' }, env)).toMatchObject({
      places: [{ kind: 'actions-cache', service: { secrets: { origin: 'https://results.example' } } }],
    })
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
