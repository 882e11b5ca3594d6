import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CACHED_FILE, entryVersion } from '../../src/snapshot/actions-cache.ts'
import { ask } from '../support/ask.ts'
import { type Azurite, startAzurite } from '../support/azurite.ts'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { toolkitIn } from '../support/toolkit-cache.ts'
import { commit, key, startCached } from './cached-entries.ts'

let azurite: Azurite
beforeAll(async () => {
  azurite = await startAzurite()
})
afterAll(() => azurite.close())

/** A service, and a directory from which @actions/cache saves files of these names, all with the same bytes. */
async function start(...files: readonly string[]) {
  const cached = await startCached(azurite)
  const workspace = temporary()
  const bytes = randomBytes(1000)
  for (const file of files) await writeFile(join(workspace, file), bytes)
  return { cached, workspace, bytes, toolkit: toolkitIn(workspace, cached.service) }
}

describe('what @actions/cache saves', () => {
  it('under the name and the key of a snapshot is found', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { cached, workspace, bytes, toolkit } = await start(CACHED_FILE)
    expect(await toolkit.save(CACHED_FILE, key())).toBe(1)
    expect(cached.service.entries).toMatchObject([{ version: entryVersion() }])
    const { url } = (await cached.find()) ?? {}
    const archive = join(workspace, 'archive')
    await writeFile(archive, (await ask(url?.href ?? '')).body)
    const tar = execFileSync('zstd', ['-dcq', archive])
    expect(execFileSync('tar', ['-xO', CACHED_FILE], { input: tar })).toEqual(bytes)
  })

  it('under another name is never taken for a snapshot, whatever its key', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { cached, toolkit } = await start('node_modules')
    expect(await toolkit.save('node_modules', key())).toBe(1)
    expect(await cached.find()).toBeUndefined()
  })

  it('under another key is never taken for a snapshot, whatever its name', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { cached, toolkit } = await start(CACHED_FILE)
    expect(await toolkit.save(CACHED_FILE, 'npm-Linux')).toBe(1)
    expect(await toolkit.save(CACHED_FILE, key({ commit: commit(2) }).replace('v1', 'v2'))).toBe(2)
    expect(await cached.find()).toBeUndefined()
  })
})
