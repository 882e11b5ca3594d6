import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from './ask.ts'
import { startNginx } from './nginx.ts'
import { skipWithout } from './programs.ts'

it('serves files with strong ETags and single ranges, and stops', async (context) => {
  skipWithout(context, 'nginx')
  const root = mkdtempSync(join(tmpdir(), 'nginx-root-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'object'), '0123456789')
  const nginx = await startNginx({ root, limitRate: 1_000_000 })
  if (nginx === undefined) throw new Error('nginx is there and was not started')
  const asked = await ask(`${nginx.url}/object`, { headers: { range: 'bytes=2-4' } })
  expect(asked).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-4/10' } })
  expect(asked.body.toString()).toBe('234')
  expect(asked.headers.etag).toMatch(/^"/)
  await nginx.close()
  expect((await ask(nginx.url)).error).toBe('ECONNREFUSED')
})
