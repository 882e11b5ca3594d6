import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { temporary } from './temporary.ts'
import { listTree } from './working-copy.ts'

/** A runner's directories for one step. */
export type Place = { readonly workspace: string; readonly temp: string }

/** Both are empty. */
export function makePlace(root = temporary()): Place {
  const place = { workspace: join(root, 'project', 'project'), temp: join(root, '_temp') }
  mkdirSync(place.workspace, { recursive: true })
  mkdirSync(place.temp)
  return place
}

/** The workspace is as a job before may have left it. */
export function usedPlace(root?: string): Place {
  const place = makePlace(root)
  mkdirSync(join(place.workspace, '.git'))
  writeFileSync(join(place.workspace, '.git', 'HEAD'), 'ref: refs/heads/mine\n')
  writeFileSync(join(place.workspace, 'run.sh'), 'exit 1\n', { mode: 0o755 })
  symlinkSync('nowhere', join(place.workspace, 'README.md'))
  return place
}

/**
 * Processes of a step that are there still: the runner's temporary directory is in what they were started with. Told
 * where there is a /proc.
 */
export function processesOf({ temp }: Place): string[] {
  if (!existsSync('/proc')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readProc(pid, 'environ').includes(`RUNNER_TEMP=${temp}\0`))
    .map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' '))
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

const REPORT = /^git-snapshot-report-[0-9a-f-]{36}\.json$/

/** All that is in the runner's temporary directory, but for the reports, which are there for later steps. */
export function remainsIn(temp: string): readonly string[] {
  return readdirSync(temp).filter((name) => !REPORT.test(name))
}

/** What lies where staging can. */
export function leftIn({ temp, workspace }: Place): string[] {
  return [temp, join(workspace, '..'), workspace]
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => /\.git-snapshot-|git-credentials-|\.bundle$/.test(path))
}

/** Expects the workspace to be as `listTree` told it before, and nothing of a step to be left or alive. */
export function expectUntouched(place: Place, before: readonly string[]): void {
  expect(listTree(place.workspace)).toEqual(before)
  expect(leftIn(place)).toEqual([])
  expect(processesOf(place)).toEqual([])
}
