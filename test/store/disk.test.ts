import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { mounted } from '../support/memory-disk.ts'
import { temporary } from '../support/temporary.ts'
import { sabotaged } from '../survival/scene.ts'
import { BufferStream, everyBytes } from '../unpack/fixture.ts'
import { archive, NAME, read, StorePlace } from './place.ts'
import { runProcess } from './processes.ts'

const KIB = 1024
const LARGE = archive(1, 2048 * KIB)

/** A store on a disk of one mebibyte. */
function smallPlace(context: TestContext): StorePlace {
  return new StorePlace(mounted(context, 'size=1m'))
}

describe('a disk that is full', () => {
  it('ends the recording and not the stream, and gets back what was written', async (context) => {
    const place = smallPlace(context)
    const { bfree } = statfsSync(place.directory)
    const recorder = place.recorder(undefined)
    const stream = new BufferStream(LARGE, { cuts: everyBytes(LARGE.length, 64 * KIB), holdBytes: 128 * KIB })
    expect((await read(recorder.tee(stream))).equals(LARGE)).toBe(true)
    expect(stream.released).toBe(LARGE.length)
    expect(await recorder.commit()).toBe('dropped')
    expect(place.lines).toEqual([
      expect.stringMatching(/^the snapshot store in \S+ is not used: ENOSPC: no space left on device/),
    ])
    expect(place.claims).toEqual([])
    expect(statfsSync(place.directory).bfree).toBeGreaterThanOrEqual(bfree - 10)
  })

  it('is not filled by a recording that the job would have no room beside', async (context) => {
    const place = smallPlace(context)
    const bytes = archive(1, 300 * KIB)
    expect(await place.keep(bytes)).toBe('dropped')
    expect(place.lines).toEqual([
      expect.stringMatching(/its disk has \d+ bytes free, and the job may need 1228800$/),
    ])
    expect(await place.keep(archive(1, 200 * KIB))).toBe('kept')
  })

  it('is left some room by one of unknown length', async (context) => {
    const place = smallPlace(context)
    const recorder = place.recorder(undefined, {}, { spareBytes: 2048 * KIB })
    expect((await read(recorder.tee(new BufferStream(LARGE)))).equals(LARGE)).toBe(true)
    expect(await recorder.commit()).toBe('dropped')
    expect(place.lines).toEqual([expect.stringMatching(/the job may need 2097152$/)])
  })

  it('is given room by what was not used for the longest time', async (context) => {
    const place = smallPlace(context)
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      expect(await place.keep(archive(index, 100 * KIB), { name })).toBe('kept')
    }
    expect(await place.keep(archive(9, 190 * KIB), { name: 'd' })).toBe('kept')
    expect(await place.find('a')).toBeUndefined()
    expect(await place.content('c')).toEqual(archive(2, 100 * KIB))
    expect(place.lines).toEqual([])
  })
})

describe('a store that cannot be used is no store, which is told in one line:', () => {
  /** What a step does with it: looks for the snapshot, and records the one that it got elsewhere. */
  async function expectNoStore(place: StorePlace, word: RegExp): Promise<void> {
    const bytes = archive(1)
    const store = place.store()
    expect(await store.find(NAME)).toBeUndefined()
    const recorder = store.recorder({ name: NAME, etag: undefined, commit: undefined, bytes: bytes.length })
    expect(await read(recorder.tee(new BufferStream(bytes)))).toEqual(bytes)
    expect(await recorder.commit()).toBe('dropped')
    expect(place.lines).toEqual([expect.stringMatching(word)])
  }

  it('a file where its directory should be', async () => {
    const file = join(temporary(), 'file')
    writeFileSync(file, '')
    await expectNoStore(new StorePlace(file), /ENOTDIR|EEXIST/)
  })

  it('links that go round in a circle', async () => {
    const link = join(temporary(), 'link')
    symlinkSync(link, link)
    await expectNoStore(new StorePlace(link), /ELOOP|EEXIST|ENOENT/)
  })

  it.runIf(existsSync('/proc/self'))('a place where the system never lets one be made', async () => {
    await expectNoStore(new StorePlace('/proc/git-snapshot-store'), /is not used: ENOENT: .*mkdir/)
  })

  it('a disk that is read-only', async (context) => {
    await expectNoStore(new StorePlace(mounted(context, 'ro')), /mkdir/)
  })

  it('a directory that cannot be listed', async () => {
    const place = new StorePlace()
    const toolCache = {
      find: () => '',
      findAllVersions: () => readdirSync(join(place.directory, 'missing')),
    }
    expect(await place.find(NAME, { toolCache })).toBeUndefined()
    expect(place.lines).toEqual([expect.stringMatching(/ENOENT/)])
  })

  it.each([
    ['mkdir', 'EACCES'],
    ['open', 'EPERM'],
    ['statfs', 'EIO'],
    ['rename', 'EPERM'],
    ['writeFile', 'EDQUOT'],
  ])('where %s says %s', async (call, code) => {
    const { directory } = new StorePlace()
    const env = sabotaged({ call: `promises.${call}`, about: 'tools', nth: 1, does: code })
    const tasks = [{ does: 'record', name: 'a', seed: 1 } as const, { does: 'find', name: 'a' } as const]
    const { said } = await runProcess({ directory, maxBytes: 2 ** 30, tasks, env })
    const line = expect.stringMatching(new RegExp(`^the snapshot store in \\S+ is not used: ${code}`))
    expect(said.filter((word) => word.said !== 'piece')).toEqual([
      { said: 'log', line },
      { said: 'dropped' },
      { said: 'missing' },
    ])
  })
})

describe('a store that can only be read', () => {
  it('gives what is in it', async (context) => {
    const place = new StorePlace(mounted(context, 'size=4m'))
    await place.keep(archive(1))
    execFileSync('mount', ['-o', 'remount,ro', place.directory])
    expect(await place.content()).toEqual(archive(1))
    const stored = await place.reader()
    await stored.confirm()
    await stored.remove()
    expect(await place.content()).toEqual(archive(1))
    expect(place.lines).toEqual([])
  })

  it('is passed over where one snapshot in it may not be read', async () => {
    const place = new StorePlace()
    await place.keep(archive(1))
    const { directory } = place
    for (const about of ['facts.json', 'snapshot.tar.zst']) {
      const call = about === 'facts.json' ? 'promises.readFile' : 'promises.open'
      const env = sabotaged({ call, about, nth: 1, does: 'EACCES' })
      const { said } = await runProcess({
        directory,
        maxBytes: 1,
        tasks: [{ does: 'find', name: NAME }],
        env,
      })
      expect(said).toEqual([{ said: 'log', line: expect.stringMatching(/EACCES/) }, { said: 'missing' }])
    }
    expect(await place.content()).toEqual(archive(1))
  })
})
