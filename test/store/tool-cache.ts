import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ToolCache } from '../../src/store/store.ts'

const NUMBER = '(?:0|[1-9]\\d*)'
const IDENTIFIER = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`
const SEMVER = new RegExp(
  `^[v=\\s]*(${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?)(?:\\+[0-9A-Za-z.-]+)?\\s*$`,
)

/** Looks for exact versions by the rules of @actions/tool-cache 4, in a directory that need not be the runner's. */
export function toolCacheIn(directory: string): ToolCache {
  const isComplete = (path: string): boolean => existsSync(path) && existsSync(`${path}.complete`)
  return {
    find(tool, version, arch) {
      const path = join(directory, tool, cleaned(version) ?? '', arch)
      return isComplete(path) ? path : ''
    },
    findAllVersions(tool, arch) {
      const place = join(directory, tool)
      if (!existsSync(place)) return []
      const versions = readdirSync(place).filter((child) => cleaned(child) !== undefined)
      return versions.filter((version) => isComplete(join(place, version, arch)))
    },
  }
}

function cleaned(version: string): string | undefined {
  return SEMVER.exec(version)?.[1]
}
