import { describe, expect, it } from 'vitest'
import type { CachedSnapshot } from '../../src/snapshot/cache-key.ts'
import { commit, EMPTY_STORE, key, lookup, startCached, VERSION } from './cached-entries.ts'

describe('an entry of the Actions cache', () => {
  it('is asked for in one request, by its commit and by what it may begin with', async () => {
    const cached = await start()
    await cached.find(lookup({ branches: ['topic', 'main'], commit: commit(3) }))
    const begins = 'git-snapshot-v1:github.com/octo/project'
    expect(cached.service.asked).toEqual([
      {
        key: `${begins}:topic:full:${commit(3)}`,
        restore_keys: [`${begins}:topic:full:`, `${begins}:main:full:${commit(3)}`, `${begins}:main:full:`],
        version: VERSION,
      },
    ])
    expect(cached.service.log).toMatchObject([
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer runt1me-s3cret' },
      },
    ])
  })

  it('is none where none is there', async () => {
    const cached = await start()
    expect(await cached.find()).toBeUndefined()
    expect(cached.secrets).toEqual([])
  })

  it('says what it is a snapshot of, and where it is to be had', async () => {
    const cached = await start()
    cached.save(key())
    const [{ blob = '' } = {}] = cached.service.entries
    expect(await cached.find()).toEqual({
      host: 'github.com',
      owner: 'octo',
      name: 'project',
      branch: 'main',
      kind: 'full',
      commit: commit(1),
      key: key(),
      url: new URL(EMPTY_STORE.sign(blob, 'r', 0)),
    })
  })

  it.each<
    [string, Parameters<typeof lookup>[0], Partial<CachedSnapshot>[], Partial<CachedSnapshot> | undefined]
  >([
    ['the one of the commit', { commit: commit(1) }, [{}, { commit: commit(2) }], {}],
    ['else the newest', { commit: commit(3) }, [{}, { commit: commit(2) }], { commit: commit(2) }],
    [
      'the one of the branch',
      { branches: ['topic', 'main'] },
      [{ branch: 'topic' }, {}],
      { branch: 'topic' },
    ],
    ['else the one of the default branch', { branches: ['topic', 'main'] }, [{}, { branch: 'topic/2' }], {}],
    ['a shallow one for one commit', { fetchDepth: 1 }, [{ kind: 'shallow' }, {}], { kind: 'shallow' }],
    ['else a full one', { fetchDepth: 1 }, [{}], {}],
    ['no shallow one for all commits', { fetchDepth: 0 }, [{ kind: 'shallow' }], undefined],
    [
      'none of a branch that begins alike',
      {},
      [{ branch: 'main-2' }, { branch: 'main/2' }, { branch: 'mai' }],
      undefined,
    ],
    [
      'none of another repository',
      {},
      [{ name: 'project-2' }, { owner: 'else' }, { host: 'octo.ghe.com' }],
      undefined,
    ],
  ])('is %s', async (_, wishes, saved, found) => {
    const cached = await start()
    cached.save(...saved.map(key))
    const entry = await cached.find(lookup(wishes))
    expect(entry?.key).toBe(found && key(found))
  })

  it('has a signed address, of which all that opens it is told to be kept out of the log', async () => {
    const cached = await start()
    cached.save(key())
    await cached.find()
    expect(cached.secrets).toEqual([
      'se=2030-01-01T00%3A00%3A00Z&sp=r&sig=s1gnature%2Fof%2Bthe-blob%3D',
      '2030-01-01T00%3A00%3A00Z',
      's1gnature%2Fof%2Bthe-blob%3D',
      '2030-01-01T00:00:00Z',
      's1gnature/of+the-blob=',
    ])
  })
})

function start() {
  return startCached(EMPTY_STORE)
}
