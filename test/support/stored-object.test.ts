import { describe, expect, it } from 'vitest'
import { answerFor, bytesObject, resolveRange } from './stored-object.ts'

const full = { kind: 'full' }
const unsatisfiable = { kind: 'unsatisfiable' }
const partial = (start: number, end: number) => ({ kind: 'partial', start, end })

describe('resolveRange', () => {
  it.each([
    ['no range', undefined, 10, full],
    ['first bytes', 'bytes=0-4', 10, partial(0, 5)],
    ['one byte', 'bytes=5-5', 10, partial(5, 6)],
    ['middle', 'bytes=2-5', 10, partial(2, 6)],
    ['open end', 'bytes=3-', 10, partial(3, 10)],
    ['spaces around the numbers', 'bytes= 3 - 5 ', 10, partial(3, 6)],
    ['suffix', 'bytes=-3', 10, partial(7, 10)],
    ['suffix larger than the object', 'bytes=-20', 10, partial(0, 10)],
    ['end beyond the object', 'bytes=5-100', 10, partial(5, 10)],
    ['start at the object’s end', 'bytes=10-20', 10, unsatisfiable],
    ['start beyond the object', 'bytes=20-', 10, unsatisfiable],
    ['suffix of nothing', 'bytes=-0', 10, unsatisfiable],
    ['suffix of an empty object', 'bytes=-1', 0, unsatisfiable],
    ['range of an empty object', 'bytes=0-0', 0, unsatisfiable],
    ['several ranges', 'bytes=0-1,3-4', 10, full],
    ['no unit', '0-4', 10, full],
    ['another unit', 'items=0-4', 10, full],
    ['end before start', 'bytes=5-2', 10, full],
    ['not numbers', 'bytes=a-b', 10, full],
    ['no numbers', 'bytes=-', 10, full],
  ])('%s: %s of %d bytes', (_, range, size, expected) => {
    expect(resolveRange(range, size)).toEqual(expected)
  })
})

describe('answerFor', () => {
  const object = bytesObject(Buffer.from('0123456789'), '"e"')

  it('applies a range when If-Range has the ETag, and gives everything when it has another', async () => {
    const matching = answerFor(object, { range: 'bytes=0-4', 'if-range': '"e"' })
    expect(matching.status).toBe(206)
    expect(Buffer.concat(await Array.fromAsync(matching.body ?? [])).toString()).toBe('01234')
    expect(answerFor(object, { range: 'bytes=0-4', 'if-range': '"other"' }).status).toBe(200)
  })

  it('checks If-Match and If-None-Match, lists and stars too, before the range', () => {
    const range = 'bytes=100-'
    expect(answerFor(object, { range, 'if-match': '"x", "y"' }).status).toBe(412)
    expect(answerFor(object, { range, 'if-none-match': '"x", "e"' }).status).toBe(304)
    expect(answerFor(object, { range, 'if-match': '"x", "e"' }).status).toBe(416)
    expect(answerFor(object, { 'if-match': '*' }).status).toBe(200)
    expect(answerFor(bytesObject(Buffer.from('x')), { 'if-match': '*' }).status).toBe(412)
  })
})
