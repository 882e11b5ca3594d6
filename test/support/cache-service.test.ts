import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Azurite, startAzurite } from './azurite.ts'
import { startCacheService } from './cache-service.ts'
import { skipWithout } from './programs.ts'
import { temporary } from './temporary.ts'
import { toolkitIn } from './toolkit-cache.ts'

let azurite: Azurite
beforeAll(async () => {
  azurite = await startAzurite()
})
afterAll(() => azurite.close())

describe('the cache service of tests', () => {
  /** A service, and a directory with a file that @actions/cache saves there. */
  async function start() {
    const service = await startCacheService({ store: azurite })
    onTestFinished(() => service.close())
    const workspace = temporary()
    const file = join(workspace, 'things')
    await writeFile(file, 'saved')
    return { service, file, toolkit: toolkitIn(workspace, service) }
  }

  it('is one to @actions/cache: what it saves it restores, by the key or the newest with a prefix', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { service, file, toolkit } = await start()
    expect(await toolkit.restore('things', 'key-1')).toBeNull()
    expect(await toolkit.save('things', 'key-1')).toBe(1)
    await writeFile(file, 'saved again')
    expect(await toolkit.save('things', 'key-2')).toBe(2)
    await rm(file)
    expect(await toolkit.restore('things', 'key-1')).toBe('key-1')
    expect(await readFile(file, 'utf8')).toBe('saved')
    expect(await toolkit.restore('things', 'other', ['nothing', 'key-'])).toBe('key-2')
    expect(await readFile(file, 'utf8')).toBe('saved again')
    expect(service.entries.map(({ key }) => key)).toEqual(['key-1', 'key-2'])
  })

  it('takes a key once, and in one version only', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { service, file, toolkit } = await start()
    expect(await toolkit.save('things', 'key')).toBe(1)
    expect(await toolkit.save('things', 'key')).toBe(-1)
    await writeFile(`${file}-else`, 'something else')
    expect(await toolkit.save('things-else', 'key')).toBe(2)
    expect(await toolkit.restore('none-of-them', 'key')).toBeNull()
    expect(new Set(service.entries.map(({ version }) => version)).size).toBe(2)
  })

  it('takes nothing from a job that may only read, and gives nothing to one that may not', async (context) => {
    skipWithout(context, 'tar', 'zstd')
    const { service, toolkit } = await start()
    expect(await toolkit.save('things', 'key')).toBe(1)
    service.grants = 'read'
    expect(await toolkit.save('things', 'other')).toBe(-1)
    expect(await toolkit.restore('things', 'key')).toBe('key')
    service.grants = 'nothing'
    expect(await toolkit.restore('things', 'key')).toBeNull()
  })
})
