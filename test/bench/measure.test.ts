import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { measured } from '../../bench/measure.ts'

const BUSY_MS = 300
const MEBIBYTE = 1024 ** 2

it('measures the time, the CPU and the memory of a process and its children', async (context) => {
  context.skip(process.platform !== 'linux', 'needs /proc')
  const busy = `const kept = Buffer.alloc(${200 * MEBIBYTE}, 1)
    const end = performance.now() + ${BUSY_MS}
    while (performance.now() < end);`
  const shell = ['-c', '"$0" -e "$1"; true', process.execPath, busy]
  const { sample, startedAt } = await measured(() => promisify(execFile)('sh', shell))
  expect(sample.wallMs).toBeGreaterThan(BUSY_MS)
  expect(sample.wallMs).toBeLessThan(performance.now() - startedAt)
  expect(sample.cpuMs).toBeGreaterThan(BUSY_MS / 4)
  expect(sample.peakBytes).toBeGreaterThan(200 * MEBIBYTE)
})

it('rejects where nothing was started', async () => {
  await expect(measured(async () => 'nothing')).rejects.toThrow('nothing was started that could be measured')
})
