import type { ToolCache } from './store/store.ts'

/** The toolkit takes its directory from the environment, at each call. */
export async function toolCacheIn(directory: string): Promise<ToolCache> {
  const { find, findAllVersions } = await import('@actions/tool-cache')
  const there = <T>(look: () => T): T => {
    const { RUNNER_TOOL_CACHE: own = '' } = process.env
    process.env.RUNNER_TOOL_CACHE = directory
    try {
      return look()
    } finally {
      process.env.RUNNER_TOOL_CACHE = own
    }
  }
  return {
    find: (tool, version, arch) => there(() => find(tool, version, arch)),
    findAllVersions: (tool, arch) => there(() => findAllVersions(tool, arch)),
  }
}
