import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { randomFrom } from '../support/random.ts'
import { sabotaged } from '../survival/scene.ts'
import { contentOf, lengthOf } from './content.ts'
import { StorePlace, sha256Of } from './place.ts'
import { runProcess } from './processes.ts'
import type { Said, Task } from './store-process.ts'

const NAMES = ['a', 'b', 'c']
/** Not enough for one of each name while another is recorded. */
const MAX_BYTES = 90_000

function content(seed: number): Buffer {
  return contentOf(seed, lengthOf(seed))
}

/** Expects what was found under an ETag to be what was recorded under it. */
function expectExact(said: readonly Said[]): void {
  for (const found of said) {
    if (found.said !== 'found') continue
    expect(found.sha256).toBe(sha256Of(content(Number(JSON.parse(found.etag ?? '')))))
  }
}

/** Expects that whatever is complete is what its version says. */
function expectSound(place: StorePlace): void {
  for (const entry of place.entries) {
    const bytes = readFileSync(join(entry, 'snapshot.tar.zst'))
    expect(basename(dirname(entry))).toBe(`0.0.0-e${sha256Of(bytes)}`)
  }
}

describe('ten processes on one store', () => {
  it.each([1, 2, 3, 4])('killed at random find only what was recorded, all of it (seed %i)', async (seed) => {
    const random = randomFrom(seed)
    const upTo = (limit: number): number => Math.floor(random() * limit)
    const place = new StorePlace()
    const tasks = (): Task[] =>
      Array.from({ length: 8 }, () => {
        const name = NAMES[upTo(NAMES.length)] ?? ''
        return random() < 0.5 ? { does: 'find', name } : { does: 'record', name, seed: 1 + upTo(6) }
      })
    const plans = Array.from({ length: 10 }, () => ({ tasks: tasks(), killedAfter: upTo(40) }))
    const ended = await Promise.all(
      plans.map((plan) => runProcess({ directory: place.directory, maxBytes: MAX_BYTES, ...plan })),
    )
    expect(ended.filter(({ signal }) => signal === 'SIGKILL').length).toBeGreaterThan(3)
    for (const { said } of ended) expectExact(said)
    expectSound(place)
    const last = await runProcess({
      directory: place.directory,
      maxBytes: MAX_BYTES,
      tasks: NAMES.flatMap((name, index) => [
        { does: 'find', name },
        { does: 'record', name, seed: 10 + index },
        { does: 'find', name },
      ]),
    })
    expectExact(last.said)
    expect(last.said.filter(({ said }) => said === 'kept')).toHaveLength(NAMES.length)
    expect(last.said.filter(({ said }) => said === 'log')).toEqual([])
    expectSound(place)
    expect(bytesIn(place.directory)).toBeLessThanOrEqual(MAX_BYTES)
  })
})

function bytesIn(directory: string): number {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = names.filter((name) => name.isFile())
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}

describe('a process that is killed while it replaces a snapshot', () => {
  /** All that change something on disk, beside the writes to a file that has no name yet. */
  const calls = ['mkdir', 'writeFile', 'open', 'utimes', 'rename', 'rm', 'rmdir']
  const [OLD, NEW, NEXT] = [1, 2, 3]
  const only = { directory: '', maxBytes: 60_000 }

  it.each(calls)('leaves the old one or the new one, whole, wherever it was: at each %s', async (call) => {
    let nth = 1
    for (; ; nth += 1) {
      const place = new StorePlace()
      const options = { ...only, directory: place.directory }
      const record = (seed: number): Task => ({ does: 'record', name: 'a', seed })
      await runProcess({ ...options, tasks: [record(OLD)] })
      const env = sabotaged({ call: `promises.${call}`, nth, does: 'SIGKILL' })
      const killed = await runProcess({ ...options, env, tasks: [record(NEW)] })
      const after = await place.content('a')
      expect([sha256Of(content(OLD)), sha256Of(content(NEW))]).toContain(sha256Of(after ?? Buffer.alloc(0)))
      if (killed.signal === null) break
      expectSound(place)
      await runProcess({ ...options, tasks: [record(NEXT)] })
      expect(await place.content('a')).toEqual(content(NEXT))
      expect(place.lines).toEqual([])
    }
    expect(nth).toBeGreaterThan(1)
  })
})
