import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { archive, StorePlace, sha256Of } from './place.ts'

const BYTES = archive(1)

describe('a stored snapshot that is not as it was written', () => {
  const facts = (entry: string): string => join(entry, 'facts.json')
  const altered = (change: Record<string, unknown>) => (entry: string) =>
    writeFileSync(
      facts(entry),
      JSON.stringify({ ...JSON.parse(readFileSync(facts(entry), 'utf8')), ...change }),
    )
  const damages: readonly (readonly [string, (entry: string) => void])[] = [
    ['no facts', (entry) => writeFileSync(facts(entry), '')],
    ['half of its facts', (entry) => truncateSync(facts(entry), 40)],
    ['facts that are no object', (entry) => writeFileSync(facts(entry), 'null')],
    ['an ETag with a line end', altered({ etag: '"e\r\nx: y"' })],
    ['an ETag that is no text', altered({ etag: 1 })],
    ['a commit that is none', altered({ commit: '--upload-pack=x' })],
    ['no length', altered({ bytes: undefined })],
    ['a negative length', altered({ bytes: -1 })],
    ['another length', altered({ bytes: BYTES.length + 1 })],
    ['no digest', altered({ sha256: '' })],
    ['no time', altered({ openedAt: 'today' })],
    ['a shorter file', (entry) => truncateSync(join(entry, 'snapshot.tar.zst'), 100)],
    ['a longer file', (entry) => writeFileSync(join(entry, 'snapshot.tar.zst'), 'x', { flag: 'a' })],
  ]

  it.each(damages)('is not there, and removed: %s', async (_, damage) => {
    const place = new StorePlace()
    await place.keep(BYTES)
    damage(place.entry)
    expect(await place.find()).toBeUndefined()
    expect(place.entries).toEqual([])
    expect(place.found('git-snapshot/*/*')).toEqual([])
    expect(place.claims).toEqual([])
    await place.keep(BYTES)
    expect(await place.content()).toEqual(BYTES)
    expect(place.lines).toEqual([])
  })

  it.each(['facts.json', 'snapshot.tar.zst'])('is not there, and removed: without %s', async (name) => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const { entry } = place
    rmSync(join(entry, name))
    expect(await place.find()).toBeUndefined()
    expect(place.entries).toEqual([])
  })

  it('is not there while its marker is missing', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const { entry } = place
    rmSync(`${entry}.complete`)
    expect(await place.find()).toBeUndefined()
    expect(readdirSync(entry)).toHaveLength(2)
    await place.keep(BYTES)
    expect(await place.content()).toEqual(BYTES)
  })

  it('makes room for an older one that is whole', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const reader = await place.reader()
    await place.keep(archive(2))
    await reader.close()
    const newer = place.entries.find((entry) => entry.includes(sha256Of(archive(2)))) ?? ''
    truncateSync(facts(newer), 3)
    expect(await place.content()).toEqual(BYTES)
  })

  it('can be removed by whoever finds it damaged', async () => {
    const place = new StorePlace()
    await place.keep(BYTES)
    const stored = await place.reader()
    await stored.remove()
    await stored.close()
    expect(await place.find()).toBeUndefined()
    expect(place.found('git-snapshot/*/*')).toEqual([])
    expect(place.claims).toEqual([])
  })
})
