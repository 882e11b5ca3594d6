import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { claim, type Purpose } from '../../src/store/claim.ts'
import { temporary } from '../support/temporary.ts'
import { archive, MINUTE_MS, StorePlace, setTime } from './place.ts'

/** Room for three snapshots of 10,000 bytes and their facts. */
const maxBytes = 35_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** The number of this process, when another one had it. */
const GONE = { began: '1' }
const ELSEWHERE = { realm: 'elsewhere' }

/** What a process claims for itself, as `claim` writes it for this one, but for these changes. */
async function claimIn(place: StorePlace, purpose: Purpose, changes: object = {}): Promise<string> {
  const { entry } = place
  const directory = dirname(dirname(entry))
  const root = await claim(directory, purpose, relative(directory, entry))
  const marker = join(root, 'owner')
  writeFileSync(marker, JSON.stringify({ ...JSON.parse(readFileSync(marker, 'utf8')), ...changes }))
  writeFileSync(join(root, 'content'), archive(9))
  return root
}

describe('what a process claims for itself', () => {
  it.each(['recording', 'reading'] as const)('is left while it runs: %s', async (purpose) => {
    const place = await StorePlace.of('a')
    const root = await claimIn(place, purpose)
    await place.keep(archive(2), { name: 'b' })
    expect(existsSync(root)).toBe(true)
  })

  it.each(['recording', 'reading'] as const)('is removed when it is gone: %s', async (purpose) => {
    const place = await StorePlace.of('a')
    const root = await claimIn(place, purpose, GONE)
    await place.keep(archive(2), { name: 'b' })
    expect(existsSync(root)).toBe(false)
  })

  it('is left where it may run in another container, until no job can', async () => {
    const place = await StorePlace.of('a')
    const root = await claimIn(place, 'recording', ELSEWHERE)
    setTime(root, Date.now() - 4 * DAY_MS)
    await place.keep(archive(2), { name: 'b' })
    expect(existsSync(root)).toBe(true)
    setTime(root, Date.now() - 6 * DAY_MS)
    await place.keep(archive(3), { name: 'b' })
    expect(existsSync(root)).toBe(false)
  })

  it('counts as what the store holds', async () => {
    const place = await StorePlace.of('a', 'b')
    await claimIn(place, 'recording')
    expect(await place.keep(archive(3), { name: 'c' }, { maxBytes })).toBe('kept')
    expect(await place.names('a', 'b', 'c')).toEqual(['b', 'c'])
  })

  it('keeps what it reads from being removed, in another container too, but not when it is gone', async () => {
    const place = await StorePlace.of('a', 'b', 'c')
    const root = await claimIn(place, 'reading', ELSEWHERE)
    rmSync(join(root, 'content'))
    const entry = place.entry
    setTime(`${entry}.complete`, place.now - HOUR_MS)
    await place.keep(archive(4), { name: 'd' }, { maxBytes })
    expect(place.entries).toContain(entry)
    setTime(root, Date.now() - 6 * DAY_MS)
    await place.keep(archive(5), { name: 'e' }, { maxBytes })
    expect(place.entries).not.toContain(entry)
  })
})

describe('what killed processes have left half done', () => {
  it('is removed where a removal was cut short', async () => {
    const place = await StorePlace.of('a')
    const { entry } = place
    const aside = join(dirname(dirname(entry)), '.removed-00000000-0000-4000-8000-000000000000')
    cpSync(entry, aside, { recursive: true })
    await place.keep(archive(2), { name: 'b' })
    expect(existsSync(aside)).toBe(false)
    expect(await place.content('a')).toEqual(archive(1))
  })

  it.each([
    ['an entry without its marker', (entry: string) => rmSync(`${entry}.complete`)],
    ['a marker without its entry', (entry: string) => rmSync(entry, { recursive: true })],
    ['a directory for neither', (entry: string) => rmSync(entry, { recursive: true })],
  ])('is removed when its writer cannot be at work any more: %s', async (what, damage) => {
    const place = await StorePlace.of('a')
    const { entry } = place
    damage(entry)
    if (what.endsWith('neither')) rmSync(`${entry}.complete`)
    await place.keep(archive(2), { name: 'b' })
    expect(existsSync(dirname(entry))).toBe(!what.endsWith('neither'))
    place.now = Date.now() + 2 * HOUR_MS
    await place.keep(archive(3), { name: 'b' })
    expect(existsSync(dirname(entry))).toBe(false)
  })
})

describe("what is not the store's", () => {
  it('stays, whatever it takes: other tools, other files, and what links lead to', async () => {
    const place = await StorePlace.of('a')
    const { entry } = place
    const directory = dirname(dirname(entry))
    const precious = temporary()
    const files = [
      join(place.directory, 'node/24.0.0/x64/bin/node'),
      join(place.directory, 'git-snapshot/a file'),
      join(directory, 'notes'),
      join(directory, '1.0.0/x64/file'),
      join(precious, 'x64/file'),
    ]
    for (const file of files) {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, archive(7))
    }
    symlinkSync(precious, join(directory, `0.0.0-e${'0'.repeat(64)}`))
    symlinkSync(precious, join(place.directory, 'git-snapshot/linked'))
    place.now = Date.now() + 2 * HOUR_MS
    await place.keep(archive(2, 20_000), { name: 'b' }, { maxBytes: 21_000 })
    expect(await place.names('a', 'b')).toEqual(['b'])
    for (const file of files) expect(existsSync(file)).toBe(true)
  })
})
