import { expect, it } from 'vitest'
import { type Span, type StageName, Timeline } from '../../src/report/timeline.ts'
import { deferred } from '../support/deferred.ts'

class Watch {
  readonly said: string[] = []
  begun(stage: StageName): void {
    this.said.push(`${stage}?`)
  }
  ended({ stage }: Span, what: string | undefined): void {
    this.said.push(`${stage}! ${what ?? ''}`.trim())
  }
}

it('keeps stages that overlap, by their beginning, and tells of them as they come and go', async () => {
  const watch = new Watch()
  const timeline = new Timeline(watch)
  const unpacked = deferred<number>()
  const unpacking = timeline.measure(
    'unpack',
    () => unpacked.promise,
    (files) => `${files} files`,
  )
  const endGit = timeline.begin('git')
  expect(timeline.spans).toEqual([])
  endGit()
  unpacked.resolve(3)
  expect(await unpacking).toBe(3)
  const [unpack, git] = timeline.spans as [Span, Span]
  expect([unpack.stage, git.stage]).toEqual(['unpack', 'git'])
  expect(unpack.startMs).toBeLessThanOrEqual(git.startMs)
  expect(git.endMs).toBeLessThanOrEqual(unpack.endMs)
  expect(unpack.endMs).toBeLessThanOrEqual(timeline.elapsedMs)
  expect(watch.said).toEqual(['unpack?', 'git?', 'git!', 'unpack! 3 files'])
})

it('adds up what a stage took each time', async () => {
  const timeline = new Timeline(new Watch())
  expect(timeline.milliseconds('open')).toBe(0)
  for (const _ of [1, 2]) await timeline.measure('open', async () => {})
  const lengths = timeline.spans.map(({ startMs, endMs }) => endMs - startMs)
  expect(lengths).toHaveLength(2)
  expect(timeline.milliseconds('open')).toBeCloseTo(lengths.reduce((sum, ms) => sum + ms))
})

it('ends a stage that fails, once, and lets its error through', async () => {
  const watch = new Watch()
  const timeline = new Timeline(watch)
  const error = new Error('failed')
  await expect(timeline.measure('fetch', () => Promise.reject(error))).rejects.toBe(error)
  const end = timeline.begin('download')
  end()
  end('late')
  expect(watch.said).toEqual(['fetch?', 'fetch! failed', 'download?', 'download!'])
  expect(timeline.spans).toHaveLength(2)
})
