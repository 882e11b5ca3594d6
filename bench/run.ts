// npm run bench [-- FLAGS]: puts the built action beside other ways to a working copy, and tells how long each takes.
import { writePages } from '../scripts/generate-docs.ts'
import { baselineOf, readBaseline, regressions, writeBaseline } from './baseline.ts'
import { type Case, type Outcome, runCase } from './bench.ts'
import { allCases, GIVEN_REPOSITORY_CASES, QUICK_CASE } from './cases.ts'
import { Closing, untilStopped } from './closing.ts'
import { DataStore } from './data.ts'
import { BadFlags, type Flags, HELP, parseFlags } from './flags.ts'
import { busyWords, machineWords, thisMachine } from './machine.ts'
import { OURS } from './peers.ts'
import { makePlace, remove } from './place.ts'
import { writePublished } from './published.ts'
import { type Run, writeJson } from './run-results.ts'
import { Servers } from './servers.ts'
import { absentWords, textReport } from './text-report.ts'

const GIB = 1024 ** 3
const NEEDED_BYTES = { quick: GIB, full: 5 * GIB }

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const cases = allCases(undefined)
  try {
    const names = cases.map(({ name }) => name)
    const flags = parseFlags(args, names)
    if (flags.wants === 'run') return await bench(flags, args)
    const list = cases.map(({ name, title }) => `${name.padEnd(14)}${title}`).join('\n')
    console.log(flags.wants === 'help' ? HELP : list)
    return 0
  } catch (error) {
    if (!(error instanceof BadFlags)) throw error
    console.error(`bench: ${error.message}`)
    return 2
  }
}

async function bench(flags: Flags, args: readonly string[]): Promise<number> {
  const closing = new Closing()
  const signal = untilStopped()
  try {
    const run = await runAll(flags, args, { closing, signal })
    tell(run, flags)
    const failures = failuresOf(run)
    for (const words of failures) console.error(`bench: failed: ${words}`)
    if (failures.length > 0) return 1
    return flags.isQuick && !isAsGoodAsBefore(run, flags) ? 1 : 0
  } catch (error) {
    if (!signal.aborted) throw error
    console.error(`bench: ${(signal.reason as Error).message}`)
    return 130
  } finally {
    await closing.close()
  }
}

interface Ends {
  readonly closing: Closing
  readonly signal: AbortSignal
}

async function runAll(flags: Flags, args: readonly string[], { closing, signal }: Ends): Promise<Run> {
  const place = makePlace(flags.isQuick ? NEEDED_BYTES.quick : NEEDED_BYTES.full)
  closing.add(() => remove(place.directory))
  const machine = thisMachine()
  const busy = busyWords()
  console.log(`${machineWords(machine)}\nfiles ${place.words}`)
  if (busy !== undefined) console.log(`note: ${busy}`)
  const data = new DataStore({ source: flags.repository, signal, log: console.error })
  const servers = new Servers(data.served, closing)
  const outcome: Outcome = { cases: [], skipped: [], failed: [] }
  for (const each of chosen(flags)) {
    const log = (line: string): void => console.error(`${each.name}: ${line}`)
    await runCase(each, { data, servers }, outcome, { pairs: flags.pairs, signal, log })
    const result = outcome.cases.find(({ name }) => name === each.name)
    if (result !== undefined) console.log(textReport(result))
  }
  for (const absent of outcome.skipped) console.log(`\nleft out: ${absentWords(absent)}`)
  const command = ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args])].join(' ')
  return { date: new Date().toISOString(), command, machine, busy, place: place.words, ...outcome }
}

function chosen({ isQuick, cases, repository }: Flags): readonly Case[] {
  if (isQuick) return [QUICK_CASE]
  const names = cases.length === 0 && repository !== undefined ? GIVEN_REPOSITORY_CASES : cases
  return allCases(repository).filter(({ name }) => names.length === 0 || names.includes(name))
}

function tell(run: Run, flags: Flags): void {
  const written = [writeJson(run, flags.json)]
  if (flags.writesReadme) {
    written.push(writePublished(run))
    writePages()
  }
  console.log(`\nwritten: ${written.join(', ')}`)
}

/** Cases, and who failed within one. */
function failuresOf({ cases, failed }: Run): readonly string[] {
  const within = cases.flatMap(({ name, failed: some }) =>
    some.map((each) => `${name}: ${absentWords(each)}`),
  )
  return [...failed.map(absentWords), ...within]
}

/** Whether no ratio is worse than the baseline allows; what is worse is said. */
function isAsGoodAsBefore({ cases, machine }: Run, { updatesBaseline }: Flags): boolean {
  const [result] = cases
  if (result === undefined) {
    console.error('bench: nothing was measured that could be compared with the baseline')
    return false
  }
  const now = baselineOf(result, OURS, machine.cores)
  if (updatesBaseline) {
    writeBaseline(now)
    console.log('written: bench/baseline.json')
    return true
  }
  const worse = regressions(now, readBaseline())
  for (const words of worse) console.error(`bench: REGRESSION: ${words}`)
  if (worse.length === 0) console.log('no ratio is worse than bench/baseline.json allows')
  return worse.length === 0
}
