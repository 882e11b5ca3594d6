import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Environment } from './environment.ts'
import { ActionError } from './errors.ts'

/** Whose rules programs are found by. */
type System = 'posix' | 'windows'

const SYSTEM: System = process.platform === 'win32' ? 'windows' : 'posix'

/** Fails where one of these programs is not on the PATH. */
export async function requirePrograms(names: readonly string[], env: Environment): Promise<void> {
  for (const name of names) {
    if ((await findProgram(name, env)) === undefined) {
      throw new ActionError('PROGRAM_MISSING', `${name} is needed on the PATH and was not found: install it`)
    }
  }
}

/**
 * What to start a program by; undefined where it is known to be missing. Windows looks for a bare name in the working
 * directory first, and a repository may have a `git.exe` there.
 */
export async function commandFor(
  name: string,
  env: Environment,
  system: System = SYSTEM,
): Promise<string | undefined> {
  return system === 'posix' ? name : findProgram(name, env, system)
}

/** Where a program lies. Relative directories of the PATH do not count. */
export async function findProgram(
  name: string,
  env: Environment,
  system: System = SYSTEM,
): Promise<string | undefined> {
  const file = system === 'windows' ? `${name}.exe` : name
  for (const directory of pathOf(env, system).split(delimiter)) {
    const path = join(directory, file)
    if (isAbsolute(directory) && (await isProgram(path))) return path
  }
  return undefined
}

/** Windows does not mind how the names of variables are written. */
function pathOf(env: Environment, system: System): string {
  if (system === 'posix') return env.PATH ?? ''
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH')
  return (name === undefined ? undefined : env[name]) ?? ''
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
