import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Environment } from './environment.ts'
import { ActionError } from './errors.ts'

/** Fails where one of these programs is not on the PATH. */
export async function requirePrograms(names: readonly string[], env: Environment): Promise<void> {
  const directories = (env.PATH ?? env.Path ?? '').split(delimiter).filter((directory) => directory !== '')
  for (const name of names) {
    if (!(await isIn(directories, name))) {
      throw new ActionError('PROGRAM_MISSING', `${name} is needed on the PATH and was not found: install it`)
    }
  }
}

async function isIn(directories: readonly string[], name: string): Promise<boolean> {
  const file = process.platform === 'win32' ? `${name}.exe` : name
  for (const directory of directories) {
    if (await isProgram(join(directory, file))) return true
  }
  return false
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}
