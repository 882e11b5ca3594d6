import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'vitest'

/** The full path of a program on PATH (or in /usr/sbin, where Debian keeps nginx), or undefined. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return directories.map((directory) => join(directory, name)).find(isExecutable)
}

/** Skips the running test with a word about which programs are missing. */
export function skipWithout(context: TestContext, ...programs: string[]): void {
  const missing = programs.filter((program) => findProgram(program) === undefined)
  context.skip(missing.length > 0, `not on PATH: ${missing.join(', ')}`)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
