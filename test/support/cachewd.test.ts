import { expect, it, onTestFinished } from 'vitest'
import { ask } from './ask.ts'
import { cachewdPrograms, startCachewd } from './cachewd.ts'
import { makeUpstream } from './git-repo.ts'
import { skipWithout } from './programs.ts'
import { temporary } from './temporary.ts'

it('cachewd serves a cold snapshot of a local upstream', async (context) => {
  skipWithout(context, ...cachewdPrograms)
  const root = temporary()
  await makeUpstream({ root })
  const cachewd = await startCachewd(root)
  if (cachewd === undefined) throw new Error('cachewd is there and was not started')
  onTestFinished(() => cachewd.close())
  const cold = await ask(`${cachewd.url}/git/github.com/octo/project/snapshot.tar.zst`)
  expect(cold).toMatchObject({ status: 200, error: undefined, headers: { 'transfer-encoding': 'chunked' } })
  expect(cold.body.readUInt32LE(0)).toBe(0x184d2a50)
})
