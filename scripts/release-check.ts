// Says what is to be released here, as outputs of a step, or why nothing can be: `node scripts/release-check.ts refs/heads/main`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { versionsBehind, versionsIn } from './release-history.ts'
import { compareVersions, newestStable, type Version, versionOf } from './release-version.ts'

/** What a release needs to be told: its version, and the option of `gh release create` that says of which kind it is. */
export interface Release {
  readonly version: Version
  readonly kind: '--prerelease' | '--latest' | '--latest=false'
}

/** The release that the files and the tags of a clone ask for. Throws with everything that is in its way. */
export function releaseIn(directory: string, ref: string): Release {
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  const said: string = JSON.parse(read('package.json')).version
  const version = versionOf(said)
  if (version === undefined) throw new Error(`package.json: "${said}" is no version as 1.2.3 or 1.2.3-rc.1`)
  const versions = versionsIn(directory)
  const obstacles = [
    ...branchObstacle(ref),
    ...lockObstacle(JSON.parse(read('package-lock.json')), said),
    ...changelogObstacles(read('CHANGELOG.md'), said),
    ...historyObstacle(directory, version, versions),
  ]
  if (obstacles.length > 0) throw new Error(`${version.tag} cannot be released:\n- ${obstacles.join('\n- ')}`)
  const isNewest = newestStable([...versions, version])?.tag === version.tag
  return { version, kind: version.isPrerelease ? '--prerelease' : isNewest ? '--latest' : '--latest=false' }
}

function branchObstacle(ref: string): readonly string[] {
  if (/^refs\/heads\/(main|release\/.+)$/.test(ref)) return []
  return [`it was started at ${ref}: start it at main, or at a branch release/… for an older version`]
}

interface Lock {
  readonly version?: string
  readonly packages?: Readonly<Record<string, { readonly version?: string }>>
}

function lockObstacle({ version, packages }: Lock, said: string): readonly string[] {
  if (version === said && packages?.['']?.version === said) return []
  return [
    `package-lock.json says "${version}" and package.json "${said}": run "npm install --package-lock-only"`,
  ]
}

/** The section of the version comes first, with words in it; what is unreleased would be released without a word. */
function changelogObstacles(changelog: string, said: string): readonly string[] {
  const sections = changelog.split(/^## /m).slice(1)
  const named = sections.map((section) => ({
    name: /^\[?([^\]\s]*)/.exec(section)?.[1],
    dated: /^\S+ - \d{4}-\d{2}-\d{2}$/m.test(section),
    words: section.split('\n').slice(1).join('').trim(),
  }))
  const unreleased = named.find(({ name }) => name === 'Unreleased')
  const first = named.find(({ name }) => name !== 'Unreleased')
  const heading = `"## ${said} - <year>-<month>-<day>"`
  return [
    ...(unreleased !== undefined && unreleased.words !== ''
      ? [`CHANGELOG.md has words under "Unreleased": move them to ${heading}`]
      : []),
    ...(first?.name === said && first.dated && first.words !== ''
      ? []
      : [`CHANGELOG.md begins with "${first?.name ?? ''}": begin it with ${heading} and what is new`]),
  ]
}

function historyObstacle(directory: string, version: Version, all: readonly Version[]): readonly string[] {
  const isOut = all.some(({ tag }) => tag === version.tag)
  if (isOut) return ['that version is out: raise it in package.json']
  const later = versionsBehind(directory).find((behind) => compareVersions(behind, version) > 0)
  return later === undefined
    ? []
    : [`this branch has ${later.tag} already: raise the version in package.json`]
}

if (import.meta.main) {
  const { version, kind } = releaseIn(join(import.meta.dirname, '..'), process.argv[2] ?? '')
  process.stdout.write(`tag=${version.tag}\nkind=${kind}\n`)
}
