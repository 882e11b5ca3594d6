import { expect } from 'vitest'
import type { Fault } from '../support/fault.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { type Fetch, type FetchSettings, pattern, startFetch } from './fixture.ts'

export const KiB = 1024
export const MiB = 1024 * KiB

/** Where in a download something goes wrong: what every row is run for. */
export interface Place {
  readonly concurrency: 1 | 2 | 8
  readonly chunkBytes: number
  readonly chunk: 'first' | 'middle' | 'last'
}

const ALL: readonly Place[] = ([1, 2, 8] as const).flatMap((concurrency) =>
  [64 * KiB, MiB].flatMap((chunkBytes) =>
    (['first', 'middle', 'last'] as const).map((chunk) => ({ concurrency, chunkBytes, chunk })),
  ),
)

/** A place, and how the name of a test calls it. */
type Named = readonly [name: string, place: Place]

export const PLACES: readonly Named[] = ALL.map((place) => [`${shapeOf(place)}, ${place.chunk} chunk`, place])

/** One place of each shape, where it does not matter which chunk it is. */
export const SHAPES: readonly Named[] = ALL.filter(({ chunk }) => chunk === 'first').map((place) => [
  shapeOf(place),
  place,
])

export const PARALLEL_SHAPES = SHAPES.filter(([, { concurrency }]) => concurrency > 1)

function shapeOf({ concurrency, chunkBytes }: Place): string {
  return `${concurrency} at a time, ${chunkBytes / KiB} KiB`
}

const objects = new Map<number, Buffer>()

/** What the server has: chunks of the place's size, and a last one that is smaller. */
export function objectFor({ chunkBytes }: Place): Buffer {
  const made = objects.get(chunkBytes)
  if (made !== undefined) return made
  const object = pattern((chunkBytes < MiB ? 11 : 9) * chunkBytes + 5001)
  objects.set(chunkBytes, object)
  return object
}

/** The chunk that something happens to, half-open. One body is all of one chunk, from the place on. */
export function chunkAt(place: Place): { readonly start: number; readonly end: number } {
  const { concurrency, chunkBytes, chunk } = place
  const size = objectFor(place).length
  const last = Math.floor(size / chunkBytes)
  const index = { first: 0, middle: Math.ceil(last / 2), last }[chunk]
  const end = concurrency === 1 ? size : Math.min(size, (index + 1) * chunkBytes)
  return { start: index * chunkBytes, end }
}

/**
 * `body`: the fault is of an answer's body, and meets the request that brings the chunk. `head`: it is of an answer to
 * a request for a range with a pin. Where the chunk comes with the first reply, that one breaks first.
 */
export type Subject = 'body' | 'head'

export interface Hit {
  readonly script: FaultScript
  /** How many requests for bytes of the chunk there were, from the first on that may meet the fault. */
  readonly asked: () => number
  /** Where each of them began. */
  readonly starts: number[]
}

/** How far the first reply comes before it breaks, where it is not itself the subject. */
const FIRST_BREAK = 1000

/** Lets so many requests for a chunk meet a fault. */
export function hit(
  place: Place,
  subject: Subject,
  fault: (range: { readonly start: number; readonly end: number }) => Fault,
  times = 1,
): Hit {
  const { start, end } = chunkAt(place)
  const isInFirstReply = comesFirst(place)
  const breaksAt = subject === 'head' && isInFirstReply ? Math.max(FIRST_BREAK, start) : undefined
  // A reset may take bytes with it that came before.
  const from = place.concurrency === 1 && subject === 'body' ? 0 : start
  const starts: number[] = []
  const script: FaultScript = (request) => {
    if (request.index === 0 && isInFirstReply) {
      if (breaksAt !== undefined) return { finAfter: breaksAt }
    } else if (request.start < from || request.start >= end || request.range === undefined) return undefined
    starts.push(request.start)
    return starts.length <= times ? fault({ start: request.start, end }) : undefined
  }
  return { script, starts, asked: () => starts.length }
}

/** Whether the chunk comes with the first reply, so that what is asked for again was asked for before. */
export function comesFirst({ chunk, concurrency }: Place): boolean {
  return chunk === 'first' || concurrency === 1
}

/** Where in the answer's body the chunk's byte `offset` lies. */
export function inBody(place: Place, offset: number): number {
  return place.concurrency === 1 ? chunkAt(place).start + offset : offset
}

export function fetchAt(place: Place, settings: FetchSettings = {}): Promise<Fetch> {
  const { concurrency, chunkBytes } = place
  return startFetch({
    bytes: objectFor(place),
    concurrency,
    connections: concurrency,
    chunkBytes,
    ...settings,
  })
}

interface PrefixRead {
  readonly error: unknown
  readonly bytes: number
}

/** What `prefixRead` tells of a download that has come to its end. */
export function complete(place: Place): PrefixRead {
  return { error: undefined, bytes: objectFor(place).length }
}

/** Reads to the end, or to the error: what came must be how the object begins, and nothing may be on its way. */
export async function prefixRead(place: Place, fetch: Fetch): Promise<PrefixRead> {
  const object = objectFor(place)
  let at = 0
  let error: unknown
  try {
    const stream = await fetch.stream()
    for await (const piece of stream) {
      expect(object.subarray(at, at + piece.length).equals(piece)).toBe(true)
      at += piece.length
      stream.release(at)
    }
  } catch (failure) {
    error = failure
  }
  await fetch.server.until(() => fetch.server.active() === 0)
  return { error, bytes: at }
}
