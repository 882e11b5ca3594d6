import { parseArgs } from 'node:util'

export interface Flags {
  /** Empty means all. */
  readonly cases: readonly string[]
  readonly pairs: number
  readonly isQuick: boolean
  /** A path or URL, in place of the made repositories. */
  readonly repository: string | undefined
  /** Where the results go, in place of bench/results. */
  readonly json: string | undefined
  readonly updatesBaseline: boolean
  readonly writesReadme: boolean
  readonly wants: 'run' | 'list' | 'help'
}

/** Flags that make no sense, said in words. */
export class BadFlags extends Error {
  override readonly name = 'BadFlags'
}

const PAIRS = 5
/** More, since they are compared with another run's: they take 25 s. */
const QUICK_PAIRS = 11

export const HELP = `npm run bench [-- FLAGS]

Puts this action beside other ways to a working copy, in turns, and tells how long each takes.

  --case NAME          only this case; may be given several times (--list tells the names)
  --pairs N            how many rounds count, from 1 to 100; default ${PAIRS} (${QUICK_PAIRS} with --quick)
  --quick              one small case, compared with bench/baseline.json; fails when a ratio is worse
  --update-baseline    with --quick: bench/baseline.json becomes what this run measured
  --repository SOURCE  path or URL of a repository, in place of those that are made
  --json FILE          where the results go; default bench/results/<date>.json
  --readme             docs/benchmarks.md and README.md tell of this run from now on; needs a run of all cases
  --list               tells the cases
  --help               tells this

GIT_SNAPSHOT_BENCH_DIR names the directory where made repositories are kept (by default below node_modules).
`

const OPTIONS = {
  case: { type: 'string', multiple: true },
  pairs: { type: 'string' },
  quick: { type: 'boolean' },
  'update-baseline': { type: 'boolean' },
  repository: { type: 'string' },
  json: { type: 'string' },
  readme: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** Reads the command line; `names` are the cases that there are. */
export function parseFlags(args: readonly string[], names: readonly string[]): Flags {
  const values = valuesOf(args)
  const flags: Flags = {
    cases: values.case ?? [],
    pairs: pairsOf(values.pairs ?? String(values.quick ? QUICK_PAIRS : PAIRS)),
    isQuick: values.quick ?? false,
    repository: values.repository,
    json: values.json,
    updatesBaseline: values['update-baseline'] ?? false,
    writesReadme: values.readme ?? false,
    wants: values.help ? 'help' : values.list ? 'list' : 'run',
  }
  checkTogether(flags, names)
  return flags
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values
  } catch (error) {
    throw new BadFlags(`${(error as Error).message.split('. ')[0]} (--help tells the flags)`)
  }
}

function pairsOf(text: string): number {
  const pairs = Number(text)
  if (/^\d+$/.test(text) && pairs >= 1 && pairs <= 100) return pairs
  throw new BadFlags(`--pairs is a whole number from 1 to 100, not "${text}"`)
}

function checkTogether(flags: Flags, names: readonly string[]): void {
  const unknown = flags.cases.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new BadFlags(`there is no case "${unknown}"; the cases are ${names.join(', ')}`)
  if (flags.isQuick && (flags.cases.length > 0 || flags.repository !== undefined))
    throw new BadFlags('--quick has a case and a repository of its own: leave out --case and --repository')
  if (flags.updatesBaseline && !flags.isQuick) throw new BadFlags('--update-baseline goes with --quick')
  if (flags.writesReadme && !isComplete(flags))
    throw new BadFlags('--readme needs all cases: leave out --case, --quick and --repository')
}

/** Whether all cases run, on the repositories that are the same everywhere. */
function isComplete({ cases, isQuick, repository }: Flags): boolean {
  return cases.length === 0 && !isQuick && repository === undefined
}
