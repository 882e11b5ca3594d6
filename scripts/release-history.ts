import { execFileSync } from 'node:child_process'
import { type Version, versionOf } from './release-version.ts'

/** A commit as the notes tell of it. */
export interface Commit {
  readonly hash: string
  readonly title: string
  readonly body: string
}

/** What git prints when it is run in a directory. */
export function git(directory: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: directory, encoding: 'utf8', maxBuffer: 2 ** 28 })
}

/** The versions that the clone has tags of. */
export function versionsIn(directory: string): readonly Version[] {
  return versionsAmong(git(directory, 'tag', '--list', 'v*'))
}

/** Those of them that HEAD comes after. */
export function versionsBehind(directory: string): readonly Version[] {
  return versionsAmong(git(directory, 'tag', '--merged', 'HEAD', '--list', 'v*'))
}

/** The commits from a version (or the first commit) up to HEAD, newest first. What only merges others is left out. */
export function commitsSince(directory: string, previous: Version | undefined): readonly Commit[] {
  const range = previous === undefined ? 'HEAD' : `refs/tags/${previous.tag}..HEAD`
  const log = git(directory, 'log', '--no-merges', '--format=%H%x1f%s%x1f%b%x1e', range)
  return log
    .split('\x1e')
    .map((entry) => entry.trim().split('\x1f'))
    .filter(([hash]) => hash !== '')
    .map(([hash = '', title = '', body = '']) => ({ hash, title, body }))
}

function versionsAmong(tags: string): readonly Version[] {
  return tags.split('\n').flatMap((tag) => versionOf(tag) ?? [])
}
