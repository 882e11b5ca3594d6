import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { launcher } from './action-run.ts'
import { makePlace, type Place } from './place.ts'
import { findProgram } from './programs.ts'
import type { RunOptions } from './runner.ts'
import { temporary } from './temporary.ts'

/** Of the runner outside, which is another one than the container's. */
const RUNNER_UID = 1001

/** In a mount namespace: a root of its own, with the runner's directories where its containers have them. */
const MOUNTS = `set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs container "$root"
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
  elif [ -d "$entry" ]; then
    mkdir "$root$entry"
    [ "$entry" = "$without" ] || mount --rbind "$entry" "$root$entry"
  fi
done
mkdir -p "$root/__w" "$root/github/home"
mount --bind "$work" "$root/__w"
mount --bind "$work/_temp" "$root/__w/_temp"
mount --bind "$work/_temp/_github_home" "$root/github/home"
mount -o remount,ro "$root"`

/** A shell would lose the inputs, whose variables have hyphens. */
const ENTER = `import { execFileSync, spawn } from 'node:child_process'
const [mounts, root, work, without, ...step] = process.argv.slice(2)
execFileSync('/bin/sh', ['-c', mounts], { env: { root, work, without }, stdio: 'inherit' })
const inside = ['/usr/bin/env', '--chdir=/__w/project/project', ...step]
const child = spawn('/usr/sbin/chroot', [root, ...inside], { stdio: 'inherit' })
child.on('exit', (code) => { process.exitCode = code ?? 99 })`

export interface ContainerJob {
  /** As the machine outside has it. */
  readonly place: Place
  readonly options: RunOptions
}

/**
 * A step in a job's container: as root in directories of the runner's user, `_temp` a mount of its own, git the only
 * program on the PATH, the root read-only. Skips the test with a word where that cannot be made.
 */
export function containerJob(context: TestContext, { without = '' } = {}): ContainerJob {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'pipe' })
  } catch {
    context.skip('mounting is not allowed here')
  }
  const work = temporary()
  const place = makePlace(work)
  mkdirSync(join(place.temp, '_github_home'))
  for (const path of [work, join(work, 'project'), place.workspace, place.temp])
    chownSync(path, RUNNER_UID, RUNNER_UID)
  const programs = temporary()
  symlinkSync(findProgram('git') ?? '', join(programs, 'git'))
  const enter = join(temporary(), 'enter.mjs')
  writeFileSync(enter, ENTER)
  const given = JSON.stringify([enter, MOUNTS, temporary(), work, without])
  const entry = launcher(`const isPost = Object.keys(process.env).some((name) => name.startsWith('STATE_'))
    const step = isPost ? bundle.replace('index.js', 'post.js') : bundle
    const node = process.execPath
    const child = spawn('/usr/bin/unshare', ['--mount', node, ...${given}, node, step], { stdio: 'inherit' })`)
  const env = {
    PATH: programs,
    HOME: '/github/home',
    GITHUB_WORKSPACE: '/__w/project/project',
    RUNNER_TEMP: '/__w/_temp',
  }
  return { place, options: { ...place, entry, env } }
}
