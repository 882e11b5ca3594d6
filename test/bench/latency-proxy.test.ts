import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from '../support/ask.ts'
import { patternBytes } from '../support/git-repo.ts'
import { startObjectServer } from '../support/object-server.ts'

const PROXY = join(import.meta.dirname, '..', '..', 'bench', 'latency-proxy.ts')

it('hands everything on, 40 ms later there and back and once more for the connection', async () => {
  const bytes = patternBytes(3_000_000)
  const server = await startObjectServer({ bytes })
  onTestFinished(() => server.close())
  const proxy = fork(PROXY, [new URL(server.url).port])
  onTestFinished(async () => {
    proxy.disconnect()
    await once(proxy, 'exit')
  })
  const [port] = await once(proxy, 'message')
  const startedAt = performance.now()
  const { body, error } = await ask(`http://127.0.0.1:${port}/object`)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79)
  expect(error).toBeUndefined()
  expect(body.equals(bytes)).toBe(true)
})
