import { chmodSync, existsSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { git } from '../support/git-repo.ts'
import { leftIn, type Place } from '../support/place.ts'
import type { ServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { listTree } from '../support/working-copy.ts'
import type { Sabotage } from './sabotage.ts'

type Variables = Readonly<Record<string, string>>

/** What makes the step's process err by itself. */
export function sabotaged(sabotage: Sabotage): Variables {
  const module = join(import.meta.dirname, 'sabotage.ts')
  return { NODE_OPTIONS: `--import=${module}`, SABOTAGE: JSON.stringify(sabotage) }
}

export type SabotagedCall = Pick<Sabotage, 'call' | 'about' | 'nth'>

/** What kills the step's process at this call. */
export function killedAt(call: SabotagedCall): Variables {
  return sabotaged({ ...call, does: 'SIGKILL' })
}

/** A `git` that does as this script says, to be put on the PATH; what the script lets through is the real one's. */
export function gitInstead(script: string): Variables {
  const bin = temporary()
  writeFileSync(join(bin, 'git'), `#!/bin/sh\nPATH='${process.env.PATH}'\n${script}\nexec git "$@"\n`)
  chmodSync(join(bin, 'git'), 0o755)
  return { PATH: `${bin}:${process.env.PATH}` }
}

export type HeldGit = {
  readonly env: Variables
  /** Resolves once the script has come to `"$TELL"`. */
  readonly reached: () => Promise<void>
}

/** A `git` that runs this script where its arguments have this word; `echo > "$TELL"` tells that it has come there. */
export function gitHeldAt(word: string, script: string): HeldGit {
  const told = join(temporary(), 'told')
  return {
    env: gitInstead(`TELL='${told}'\ncase "$*" in *" ${word}"*) ${script};; esac`),
    reached: () => expect.poll(() => existsSync(told), { timeout: 20_000, interval: 20 }).toBe(true),
  }
}

export function stagingIn(place: Place): string[] {
  return leftIn(place).filter((path) => path.includes('.git-snapshot-'))
}

/** As if nobody had touched it for so long. */
export function makeOld(path: string, days = 0.1): void {
  const seconds = Date.now() / 1000 - days * 24 * 3600
  utimesSync(path, seconds, seconds)
}

/** Expects the workspace to hold the snapshot's commit and nothing else, whichever way it came there. */
export async function expectRight({ workspace }: Place, { clone, snapshot }: ServedProject): Promise<void> {
  expect(listTree(workspace, { without: '.git' })).toEqual(listTree(clone, { without: '.git' }))
  expect(await git(workspace, 'rev-parse', 'HEAD')).toBe(snapshot.commit)
  expect(await git(workspace, 'status', '--porcelain', '--ignored')).toBe('')
  expect(await git(workspace, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')
}
