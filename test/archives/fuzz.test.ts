import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { zstdFrame } from '../support/archive.ts'
import { skipWithout } from '../support/programs.ts'
import { BufferStream, everyBytes } from '../unpack/fixture.ts'
import { archiveOf, members, type Outcome, outcomeOf } from './model.ts'
import { type Mutant, mutantOf } from './mutation.ts'
import type { FuzzOrder, FuzzResult } from './mutation-thread.ts'
import { asTarUnpacks, asZstdDecodes, portrait, realArchives } from './oracle.ts'
import { elsewhere, makePlace, unpackInto } from './place.ts'
import { survey } from './survey.ts'

const USUAL_SECONDS = 4
/** How long mutants are made; on demand, for longer and from a seed of its own. */
const SECONDS = Number(process.env.GIT_SNAPSHOT_FUZZ_SECONDS ?? USUAL_SECONDS)
const SEED = Number(
  process.env.GIT_SNAPSHOT_FUZZ_SEED ?? (SECONDS === USUAL_SECONDS ? 20_251_122 : Date.now() % 2 ** 31),
)
const KEEPS = process.env.GIT_SNAPSHOT_FUZZ_KEEP === '1'
const CORPUS = join(import.meta.dirname, 'corpus')
/** What no mutant may take, whatever it does: it would hang. */
const HANG_MS = 30_000

function streamOf({ kind, bytes }: Mutant): Buffer {
  return kind === 'stream' ? bytes : zstdFrame(bytes, { checksum: true })
}

/** Ends with the tree that GNU tar makes of it, or with one ActionError; what is beside the tree stays as it is. */
async function endOf(stream: Buffer, pieceBytes: number): Promise<string> {
  const place = makePlace()
  const before = elsewhere(place)
  const cuts = everyBytes(stream.length, pieceBytes)
  const source = new BufferStream(stream, { cuts })
  const end = await unpackInto(place, source, { staysInDotGit: () => true }).then(
    () => 'taken',
    (error: unknown) => error,
  )
  expect(elsewhere(place)).toEqual(before)
  expect(source.ended).toBe(true)
  if (end === 'taken') {
    const found = portrait(place.tree)
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(asTarUnpacks(asZstdDecodes(stream))))
    return 'taken'
  }
  expect(end).toMatchObject({ name: 'ActionError', code: expect.any(String) })
  return (end as { code: string }).code
}

function fuzz(archives: readonly Buffer[]): Promise<FuzzResult> {
  const current = new Int32Array(new SharedArrayBuffer(4))
  const order: FuzzOrder = { archives, seed: SEED, milliseconds: SECONDS * 1000, trees: 3 * SECONDS, current }
  const thread = new Worker(join(import.meta.dirname, 'mutation-thread.ts'), { workerData: order })
  return new Promise<FuzzResult>((resolve, reject) => {
    const guard = setTimeout(
      () => reject(new Error(`the mutant of seed ${Atomics.load(current, 0)} hangs`)),
      SECONDS * 1000 + HANG_MS,
    )
    thread.once('message', resolve).once('error', reject)
    thread.once('exit', () => clearTimeout(guard))
  }).finally(() => thread.terminate())
}

describe('a mutant of a real archive', () => {
  beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

  it(
    `is the tree that GNU tar makes of it, or is refused in words (seed ${SEED})`,
    async () => {
      const archives = realArchives()
      const { mutants, samples, crash } = await fuzz(archives)
      expect(crash).toBeUndefined()
      expect(mutants).toBeGreaterThan(100)
      process.stderr.write(`${mutants} mutants of seed ${SEED}: ${samples.length} to look at\n`)
      for (const { seed, sort } of samples) {
        const stream = streamOf(mutantOf(archives, seed))
        const code = await endOf(stream, 1 + (seed & 0xffff))
        expect(code, `the mutant of seed ${seed}`).toBe(sort.split(':', 1)[0])
        if (KEEPS) keep(stream, sort, code)
      }
    },
    SECONDS * 10_000 + 120_000,
  )
})

function keep(stream: Buffer, sort: string, code: string): void {
  const words = sort
    .replace(/^[A-Z_]+: /, '')
    .replace(/[^a-z]+/gi, '-')
    .slice(0, 80)
  const file = join(CORPUS, `${code}.${words}.tar.zst`)
  if (!existsSync(file)) writeFileSync(file, stream)
}

const corpus = readdirSync(CORPUS).filter((name) => name.endsWith('.tar.zst'))

/** The sorted tree of a survey or of the model, or the code that it is refused with. */
function plain(outcome: Outcome): unknown {
  return typeof outcome === 'string' ? outcome : [...outcome].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

describe('an archive of any entries', () => {
  const limits = { seed: SEED, endOnFailure: true } as const

  it(
    `is what the specification says of it, to parser and policy (seed ${SEED})`,
    async () => {
      let refused = 0
      let taken = 0
      const property = fc.asyncProperty(members, async (all) => {
        const found = await survey(archiveOf(all))
        expect(plain(found.kind === 'taken' ? found.tree : (found.code as Outcome))).toEqual(
          plain(outcomeOf(all)),
        )
        if (found.kind === 'taken') taken += 1
        else refused += 1
      })
      await fc.assert(property, { ...limits, numRuns: 1000 * SECONDS })
      expect(Math.min(refused, taken)).toBeGreaterThan(20)
    },
    SECONDS * 10_000 + 120_000,
  )

  it(
    `is what the specification says of it, on the disk (seed ${SEED})`,
    async () => {
      const property = fc.asyncProperty(
        members,
        fc.integer({ min: 1, max: 5000 }),
        async (all, pieceBytes) => {
          const place = makePlace()
          const before = elsewhere(place)
          const bytes = zstdFrame(archiveOf(all))
          const source = new BufferStream(bytes, { cuts: everyBytes(bytes.length, pieceBytes) })
          const found = await unpackInto(place, source, { staysInDotGit: () => true }).then(
            () => portrait(place.tree),
            (error: { code: Outcome }) => error.code,
          )
          expect(plain(found)).toEqual(plain(outcomeOf(all)))
          expect(elsewhere(place)).toEqual(before)
        },
      )
      await fc.assert(property, { ...limits, numRuns: 8 * SECONDS })
    },
    SECONDS * 10_000 + 120_000,
  )
})

describe('what was found worth keeping', () => {
  beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

  it.for(corpus.map((name) => [name] as const))('ends as its name says: %s', async ([name]) => {
    const stream = readFileSync(join(CORPUS, name))
    expect(await endOf(stream, 777)).toBe(name.split('.', 1)[0])
  })

  it('is small', () => {
    const bytes = corpus.reduce((sum, name) => sum + readFileSync(join(CORPUS, name)).length, 0)
    expect(corpus.length).toBeGreaterThan(10)
    expect(bytes).toBeLessThan(200 * 1024)
  })
})
