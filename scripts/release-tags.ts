// Moves v1 and v1.2 to a version that is out: `node scripts/release-tags.ts v1.2.3`. Doing it twice does no harm.
import { join } from 'node:path'
import { git } from './release-history.ts'
import { requireVersion, tagsToMove, type Version, versionOf } from './release-version.ts'

/** Moves the tags at the origin that have to name this version now, all of them or none. Returns which they are. */
export function moveTags(directory: string, version: Version): readonly string[] {
  const commits = tagsAtOrigin(directory)
  const commit = commits.get(version.tag)
  if (commit === undefined) throw new Error(`the origin has no tag ${version.tag}: publish the release first`)
  const released = [...commits.keys()].flatMap((tag) => versionOf(tag) ?? [])
  const moves = tagsToMove(version, released).filter((tag) => commits.get(tag) !== commit)
  if (moves.length > 0) {
    // Who moves a tag meanwhile wins: each is only moved from where it was seen.
    const leases = moves.map((tag) => `--force-with-lease=refs/tags/${tag}:${commits.get(tag) ?? ''}`)
    const pairs = moves.map((tag) => `${commit}:refs/tags/${tag}`)
    git(directory, 'push', '--quiet', '--atomic', ...leases, 'origin', ...pairs)
  }
  return moves
}

/** Each tag of the origin, and the commit that it names, itself or by way of a tag object. */
function tagsAtOrigin(directory: string): ReadonlyMap<string, string> {
  const lines = git(directory, 'ls-remote', '--tags', 'origin').split('\n')
  // The line of the commit comes after that of the tag object, and replaces it.
  return new Map(
    lines.flatMap((line) => {
      const [, commit = '', tag = ''] = /^(\w+)\trefs\/tags\/(.+?)(?:\^\{\})?$/.exec(line) ?? []
      return tag === '' ? [] : [[tag, commit] as const]
    }),
  )
}

if (import.meta.main) {
  const version = requireVersion(process.argv[2])
  const moved = moveTags(join(import.meta.dirname, '..'), version)
  process.stdout.write(
    `${version.tag}: ${moved.length === 0 ? 'no tag has to move' : `moved ${moved.join(' and ')}`}\n`,
  )
}
