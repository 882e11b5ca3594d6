import { describe, expect, it } from 'vitest'
import { cacheServiceOf } from '../../src/snapshot/cache-service.ts'

const ENV = {
  ACTIONS_RESULTS_URL: 'https://results.example.com/',
  ACTIONS_RUNTIME_TOKEN: 'runt1me-s3cret',
  ACTIONS_CACHE_SERVICE_V2: 'True',
}

describe('the Actions cache of a job', () => {
  it('is where the runner says, and has the job’s token for there', () => {
    expect(cacheServiceOf(ENV, 'read')).toEqual({
      kind: 'offered',
      lookupUrl: new URL(
        'https://results.example.com/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL',
      ),
      secrets: {
        origin: 'https://results.example.com',
        headers: { authorization: 'Bearer runt1me-s3cret' },
      },
    })
  })

  it.each([
    [undefined, 'offered', 'offered'],
    ['', 'offered', 'offered'],
    ['read', 'offered', 'none'],
    [' Read ', 'offered', 'none'],
    ['write', 'offered', 'offered'],
    ['write-only', 'none', 'offered'],
    ['none', 'none', 'none'],
    ['of a runner to come', 'offered', 'offered'],
    ['constructor', 'offered', 'offered'],
  ])('in the mode %j is %s to read and %s to write', (mode, read, write) => {
    const env = { ...ENV, ACTIONS_CACHE_MODE: mode }
    expect([cacheServiceOf(env, 'read').kind, cacheServiceOf(env, 'write').kind]).toEqual([read, write])
  })

  it.each([
    [undefined, 'offered'],
    ['', 'offered'],
    ['https://github.com', 'offered'],
    ['https://GITHUB.com', 'offered'],
    ['https://octo.ghe.com', 'offered'],
    ['http://github.localhost:3000', 'offered'],
    ['https://ghe.com', 'none'],
    ['https://github.com.example.com', 'none'],
    ['https://notgithub.com', 'none'],
    ['https://github.example.com', 'none'],
    ['github.com', 'none'],
  ])('for the server %s is %s', (server, kind) => {
    expect(cacheServiceOf({ ...ENV, GITHUB_SERVER_URL: server }, 'read').kind).toBe(kind)
  })

  it.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'the server is of the enterprise',
      { GITHUB_SERVER_URL: 'https://git.example.com' },
      'Enterprise Server',
    ],
    ['there is no address', { ACTIONS_RESULTS_URL: '' }, 'did not set'],
    ['there is no token', { ACTIONS_RUNTIME_TOKEN: '' }, 'did not set'],
    ['the runner knows only the old service', { ACTIONS_CACHE_SERVICE_V2: '' }, 'did not set'],
    ['the mode forbids it', { ACTIONS_CACHE_MODE: 'none' }, 'ACTIONS_CACHE_MODE is none'],
    ['the address is none', { ACTIONS_RESULTS_URL: 'results' }, 'ACTIONS_RESULTS_URL is not'],
    ['the address is a file', { ACTIONS_RESULTS_URL: 'file:///etc' }, 'ACTIONS_RESULTS_URL is not'],
  ])('is not there where %s, and says so', (_, change, reason) => {
    const service = cacheServiceOf({ ...ENV, ...change }, 'read')
    expect(service).toEqual({ kind: 'none', reason: expect.stringContaining(reason) })
    expect(JSON.stringify(service)).not.toContain('s3cret')
  })
})
