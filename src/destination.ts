import { lstat, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { ActionError } from './errors.ts'
import { invalid } from './input-values.ts'
import { isInside } from './inputs.ts'
import { sanitize } from './sanitize.ts'

/**
 * The destination with every symlink on the way to it resolved. Refuses a way that leaves the workspace, and a
 * destination that is a symlink or a device. A file may be there: it makes room, as with actions/checkout. The
 * workspace itself may lie behind a symlink.
 */
export async function resolveDestination(workspace: string, destination: string): Promise<string> {
  const realWorkspace = await resolveWorkspace(workspace)
  if (relative(workspace, destination) === '') return realWorkspace
  const resolved = await resolveWay(destination)
  if (isInside(realWorkspace, resolved)) return resolved
  throw refusedPath(destination, 'a symlink on the way to it leads outside of the workspace')
}

async function resolveWorkspace(workspace: string): Promise<string> {
  try {
    const resolved = await realpath(workspace)
    if ((await stat(resolved)).isDirectory()) return resolved
  } catch (cause) {
    throw invalid(`Environment variable GITHUB_WORKSPACE is "${sanitize(workspace)}", which cannot be used`, {
      cause,
    })
  }
  throw invalid(`Environment variable GITHUB_WORKSPACE is "${sanitize(workspace)}", which is not a directory`)
}

async function resolveWay(destination: string): Promise<string> {
  const found = await statOrMissing(destination)
  if (found?.isSymbolicLink()) throw refusedPath(destination, 'it is a symlink')
  const isUsable = found === undefined || found.isDirectory() || found.isFile()
  if (!isUsable) throw refusedPath(destination, 'it is neither a directory nor a file')
  let ancestor = destination
  while ((await statOrMissing(ancestor)) === undefined) ancestor = dirname(ancestor)
  const real = await realpath(ancestor).catch((cause: unknown) => {
    throw refusedPath(destination, `${sanitize(ancestor)} leads nowhere`, cause)
  })
  return join(real, relative(ancestor, destination))
}

async function statOrMissing(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw refusedPath(path, 'it cannot be reached', cause)
  }
}

function refusedPath(path: string, reason: string, cause?: unknown): ActionError {
  const message = `Input path leads to ${sanitize(path)}: ${reason}; a directory inside the workspace is allowed`
  return invalid(message, cause === undefined ? undefined : { cause })
}
