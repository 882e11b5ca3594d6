import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { parseInputs } from '../../src/inputs.ts'
import { decode } from '../../src/unpack/decode.ts'
import { readActionMetadata } from '../support/action-metadata.ts'
import { zstdFrame } from '../support/archive.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { failureOf, pattern, startFetch } from './fixture.ts'
import {
  chunkAt,
  complete,
  fetchAt,
  inBody,
  KiB,
  MiB,
  objectFor,
  PLACES,
  type Place,
  prefixRead,
  SHAPES,
} from './place.ts'

describe('replicas that do not have the same object', () => {
  it.each(PLACES.filter(([, { concurrency }]) => concurrency > 1))(
    'F084: in turn the old and the new one is an error, and no byte of the new one is handed on (%s)',
    async (_, place) => {
      const other = Buffer.alloc(objectFor(place).length, 0xff)
      const from = Math.max(1, chunkAt(place).start)
      const fault: FaultScript = ({ index, start }) =>
        start >= from && (place.chunk === 'last' || index % 2 === 1)
          ? { object: other, etag: '"v2"' }
          : undefined
      const { error } = await prefixRead(place, await fetchAt(place, { fault }))
      expect(error).toMatchObject({ code: 'SNAPSHOT_CHANGED' })
    },
  )
})

describe('a range that broke, and goes on with a reply of the whole', () => {
  const K = 3001

  /** The chunk's request breaks after `K` bytes; then so many replies ignore the range. */
  function wholeAfterBreak(place: Place, times: number) {
    const { start } = chunkAt(place)
    const asked: number[] = []
    const fault: FaultScript = (request) => {
      const isSubject = place.concurrency === 1 ? request.index === 0 : request.start === start
      if (isSubject) return { finAfter: inBody(place, K) }
      if (request.start !== start + K) return undefined
      asked.push(request.start)
      return asked.length <= times ? { ignoreRange: true } : undefined
    }
    return { fault, asked }
  }

  it.each(PLACES)(
    'F086: none of it is taken, and the same byte is asked for again (%s)',
    async (_, place) => {
      const { fault, asked } = wholeAfterBreak(place, 1)
      expect(await prefixRead(place, await fetchAt(place, { fault }))).toEqual(complete(place))
      expect(asked).toHaveLength(2)
    },
  )

  it.each(SHAPES)('F086: which is an error where it is so every time (%s)', async (_, place) => {
    const { fault, asked } = wholeAfterBreak(place, Number.POSITIVE_INFINITY)
    const { error } = await prefixRead(place, await fetchAt(place, { fault }))
    expect(await failureOf(Promise.reject(error))).toMatchObject({
      code: 'PROTOCOL_ERROR',
      text: expect.stringContaining('ignored the range'),
    })
    expect(asked).toHaveLength(4)
  })
})

describe('a bit that flips on the way', () => {
  const frames = [pattern(300 * KiB), pattern(200 * KiB), pattern(5 * KiB)].map((bytes) =>
    zstdFrame(bytes, { level: -50, checksum: true }),
  )
  const bytes = Buffer.concat(frames)

  it.each([1, 2, 8].flatMap((concurrency) => frames.map((_, number) => [number, concurrency] as const)))(
    'F087: is found by the checksum of the frame that it is in: %i (%i at a time)',
    async (number, concurrency) => {
      const at = frames.slice(0, number).reduce((sum, frame) => sum + frame.length, 0)
      const wrong = Buffer.from(bytes)
      const place = at + (frames[number]?.length ?? 0) - 2 // in its checksum
      wrong[place] = (wrong[place] ?? 0) ^ 1
      const fault: FaultScript = () => ({ object: wrong })
      const fetch = await startFetch({ bytes, concurrency, chunkBytes: 256, fault })
      const stream = await fetch.stream()
      const decoding = (async () => {
        for await (const _piece of decode(stream, { concurrency: 2 }));
      })()
      const error = await decoding.then(
        () => undefined,
        (failure: unknown) => failure,
      )
      expect(error).toMatchObject({
        code: 'CORRUPT_ZSTD',
        message: expect.stringContaining(`zstd frame ${number + 1}, at byte ${at}`),
      })
      await fetch.server.until(() => fetch.server.active() === 0)
    },
  )
})

describe('a concurrency of 1', () => {
  it.each([64 * KiB, MiB])(
    'F108: is exactly one GET, without Range and If-Match (%i bytes)',
    async (chunkBytes) => {
      const place: Place = { concurrency: 1, chunkBytes, chunk: 'first' }
      const fetch = await fetchAt(place)
      expect(await prefixRead(place, fetch)).toEqual(complete(place))
      expect(fetch.server.log.map(({ method, range, ifMatch }) => [method, range, ifMatch])).toEqual([
        ['GET', undefined, undefined],
      ])
    },
  )
})

describe('inputs of the download', () => {
  const { defaults } = readActionMetadata(join(import.meta.dirname, '..', '..', 'action.yml'))

  const given = (texts: Readonly<Record<string, string>>): unknown => {
    const all: Readonly<Record<string, string>> = {
      repository: 'octo/hello',
      'github-server-url': 'https://github.com',
      token: '',
      ...texts,
    }
    return parseInputs((name) => all[name] ?? defaults.get(name) ?? '', { GITHUB_WORKSPACE: '/work/space' })
  }

  it.each([
    ...[
      '0',
      '-1',
      'NaN',
      'Infinity',
      '',
      '1e9',
      '65',
      '999999999999999999999',
      '8 x',
      '65535',
      '129MiB',
      '4TiB',
    ].map((value) => ['chunk-size', value] as const),
    ...['0', '-1', '1e9', '1000000000', '8x', 'NaN', '', '65', '1.5', '0x8'].map(
      (value) => ['concurrency', value] as const,
    ),
  ])('F109: %s "%s" is refused before anything is done', (name, value) => {
    const error = (() => {
      try {
        return given({ [name]: value })
      } catch (failure) {
        return failure
      }
    })()
    expect(error).toBeInstanceOf(ActionError)
    expect(error).toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining(`Input ${name} is "${value}"`),
    })
  })

  it('F109: a window of more than 4 GiB is refused before anything is done', () => {
    expect(() => given({ concurrency: '64', 'chunk-size': '128MiB' })).toThrow('2 x concurrency x chunk-size')
  })
})
