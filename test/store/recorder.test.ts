import { describe, expect, it } from 'vitest'
import { BufferStream, everyBytes } from '../unpack/fixture.ts'
import { archive, read, StorePlace } from './place.ts'

const BYTES = archive(1)

describe('what is recorded', () => {
  it.each([
    ['not read to its end', 'stop'],
    ['discarded', 'discard'],
    ['never read', 'never'],
    ['failing half-way', 'fail'],
    ['shorter than announced', 'short'],
    ['longer than announced', 'long'],
    ['empty', 'empty'],
  ])('%s is not stored, and nothing of it stays', async (_, how) => {
    const place = new StorePlace()
    const bytes = how === 'empty' ? Buffer.alloc(0) : BYTES
    const announced = { short: BYTES.length + 1, long: BYTES.length - 1, empty: 0 }[how] ?? BYTES.length
    const recorder = place.recorder(announced)
    const failure = how === 'fail' ? new Error('reset') : undefined
    const cuts = everyBytes(bytes.length, 100)
    const stream = recorder.tee(new BufferStream(bytes, { cuts, ...(failure && { failure }) }))
    if (how === 'stop') for await (const _ of stream) break
    else if (how === 'fail') await expect(read(stream)).rejects.toBe(failure)
    else if (how !== 'never') await read(stream)
    if (how === 'discard') await recorder.discard()
    expect(await recorder.commit()).toBe('dropped')
    expect(await place.find()).toBeUndefined()
    expect(place.found('git-snapshot/*/*')).toEqual([])
    expect(place.claims).toEqual([])
    const isWorthALine = ['short', 'long', 'empty'].includes(how)
    expect(place.lines).toHaveLength(isWorthALine ? 1 : 0)
  })

  it('is discarded more than once without harm', async () => {
    const place = new StorePlace()
    const recorder = place.recorder(BYTES.length)
    await read(recorder.tee(new BufferStream(BYTES)))
    await recorder.discard()
    await recorder.discard()
    expect(place.claims).toEqual([])
  })
})
