import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CacheService } from './cache-service.ts'

export type ToolkitCache = {
  /** Gives the number of the entry, -1 where nothing was saved. */
  readonly save: (path: string, key: string) => Promise<unknown>
  /** Gives the key of what was restored. */
  readonly restore: (path: string, key: string, restoreKeys?: readonly string[]) => Promise<unknown>
}

type Call = { readonly path: string; readonly key: string; readonly restoreKeys?: readonly string[] }

/** What actions/cache does with @actions/cache, in a process of its own that works in this directory, for all systems. */
export function toolkitIn(workspace: string, { env }: CacheService): ToolkitCache {
  const run = async (call: Call): Promise<unknown> => {
    const temp = join(workspace, '.temp')
    await mkdir(temp, { recursive: true })
    const child = fork(import.meta.filename, [JSON.stringify(call)], {
      cwd: workspace,
      env: { PATH: process.env.PATH ?? '', ...env, GITHUB_WORKSPACE: workspace, RUNNER_TEMP: temp },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    let result: unknown
    child.once('message', (message) => {
      result = message
    })
    const [[code]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
    if (code !== 0) throw new Error(`@actions/cache ended with ${code}`)
    return result
  }
  return {
    save: (path, key) => run({ path, key }),
    restore: (path, key, restoreKeys = []) => run({ path, key, restoreKeys }),
  }
}

if (process.argv[1] === import.meta.filename) {
  const { path, key, restoreKeys }: Call = JSON.parse(process.argv[2] ?? '')
  const { restoreCache, saveCache } = await import('@actions/cache')
  const isSave = restoreKeys === undefined
  const isForAll = true
  const result = isSave
    ? await saveCache([path], key, undefined, isForAll)
    : await restoreCache([path], key, [...restoreKeys], undefined, isForAll)
  process.send?.(result ?? null)
  process.disconnect?.()
}
