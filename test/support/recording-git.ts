import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from './programs.ts'

export type RecordingGit = {
  /** A PATH on which it comes first. */
  readonly path: string
  /** The arguments of each call. */
  readonly calls: () => Promise<readonly (readonly string[])[]>
}

/** A `git` in a new directory that writes down how it is called, and then is the real one. */
export async function recordingGit(directory: string): Promise<RecordingGit> {
  const programs = join(directory, 'bin')
  const calls = join(directory, 'calls')
  for (const made of [programs, calls]) await mkdir(made, { recursive: true })
  const script = `#!/bin/sh
printf '%s\\0' "$@" > '${calls}/'$$
exec '${findProgram('git')}' "$@"
`
  await writeFile(join(programs, 'git'), script)
  await chmod(join(programs, 'git'), 0o755)
  return {
    path: `${programs}:${process.env.PATH}`,
    calls: async () => {
      const names = await readdir(calls)
      return Promise.all(names.map(async (name) => (await readFile(join(calls, name), 'utf8')).split('\0')))
    },
  }
}
