// Writes what is new in a version, from the titles of its commits: `node scripts/release-notes.ts v1.2.3`.
import { join } from 'node:path'
import { type Commit, commitsSince, versionsBehind } from './release-history.ts'
import { requireVersion, type Version, versionBefore } from './release-version.ts'

const REPOSITORY = 'https://github.com/git-snapshot/git-snapshot'

/** What a reader may want to know, in this order. */
const HEADINGS = {
  breaking: 'Breaking changes',
  feat: 'New',
  fix: 'Fixed',
  perf: 'Faster',
  revert: 'Taken back',
  other: 'Other',
} as const

/** Kinds of commits that change nothing for who uses the action. */
const UPKEEP = new Set(['build', 'chore', 'ci', 'docs', 'refactor', 'style', 'test'])

type Heading = keyof typeof HEADINGS

interface Note {
  readonly heading: Heading
  readonly line: string
}

/** The notes of a version that comes after `previous`, or is the first one. */
export function notesOf(version: Version, previous: Version | undefined, commits: readonly Commit[]): string {
  const notes = commits.flatMap(notesIn)
  const sections = (Object.keys(HEADINGS) as Heading[])
    .map((heading) => ({ heading, lines: notes.filter((note) => note.heading === heading) }))
    .filter(({ lines }) => lines.length > 0)
    .map(
      ({ heading, lines }) => `## ${HEADINGS[heading]}\n\n${lines.map(({ line }) => `- ${line}`).join('\n')}`,
    )
  const body = sections.length > 0 ? sections : ['Nothing changes for who uses the action.']
  const all =
    previous === undefined
      ? `The first version. [All commits](${REPOSITORY}/commits/${version.tag})`
      : `[All commits since ${previous.tag}](${REPOSITORY}/compare/${previous.tag}...${version.tag})`
  return `${[...body, all].join('\n\n')}\n`
}

/** What a commit adds to the notes: one line, or one for each break that its footers tell of. */
function notesIn({ hash, title, body }: Commit): readonly Note[] {
  const parts = /^(\w+)(?:\(([^)]+)\))?(!)?: (.+)$/.exec(title)
  if (parts === null) return [{ heading: 'other', line: `${title} (${hash.slice(0, 7)})` }]
  const [, kind = '', scope, mark, text = ''] = parts
  const line = (what: string) => `${scope === undefined ? '' : `**${scope}**: `}${what} (${hash.slice(0, 7)})`
  const breaks = [...body.matchAll(/^BREAKING[ -]CHANGE: (.+(?:\n(?![\w-]+: ).+)*)/gm)]
  if (breaks.length > 0) {
    return breaks.map(([, told = '']) => ({ heading: 'breaking', line: line(told.replaceAll('\n', ' ')) }))
  }
  if (mark === '!') return [{ heading: 'breaking', line: line(text) }]
  if (UPKEEP.has(kind)) return []
  return [{ heading: Object.hasOwn(HEADINGS, kind) ? (kind as Heading) : 'other', line: line(text) }]
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const version = requireVersion(process.argv[2])
  const previous = versionBefore(version, versionsBehind(root))
  process.stdout.write(notesOf(version, previous, commitsSince(root, previous)))
}
