import type { Report } from '../report/report.ts'
import { lengthOf, type StageName } from '../report/timeline.ts'

/** What a step waits for. */
export type Waited =
  | 'find commit'
  | 'first reply'
  | 'network'
  | 'decode'
  | 'files'
  | 'git'
  | 'failed attempts'
  | 'other'

/** How long the step waited for one thing. The waits of a step do not overlap. */
export interface Wait {
  readonly of: Waited
  readonly ms: number
}

const NOTHING = { networkMs: 0, decodeMs: 0, parseMs: 0, filesMs: 0 }

/** A wait of less than this part of the step's time counts as `other`. */
const LEAST_PART = 0.01

/** Where the step's time went, in the order in which a step meets it: together at least 99 % of it. */
export function waitsOf(report: Report): readonly Wait[] {
  const { openMs, restoreMs, settleMs, totalMs, snapshot, restarts, timeline } = report
  const { networkMs, decodeMs, parseMs, filesMs } = snapshot?.spent ?? NOTHING
  const unpackingMs = networkMs + decodeMs + parseMs + filesMs
  // What the attempt that failed waited for, nobody knows.
  const isLost = snapshot === undefined || restarts.length > 0
  const known: readonly Wait[] = [
    { of: 'find commit', ms: lengthOf('find commit', timeline) },
    { of: 'first reply', ms: openMs },
    { of: 'network', ms: networkMs },
    { of: 'decode', ms: decodeMs + parseMs },
    { of: 'files', ms: filesMs },
    { of: 'git', ms: settleMs },
    { of: 'failed attempts', ms: isLost ? restoreMs - unpackingMs : 0 },
  ]
  const isTold = ({ ms }: Wait): boolean => ms > 0 && ms >= totalMs * LEAST_PART
  const told = known.filter(isTold)
  const otherMs = totalMs - told.reduce((sum, { ms }) => sum + ms, 0)
  return [...told, { of: 'other', ms: otherMs } as const].filter(isTold)
}

/** What was waited for longest. */
export function longestOf(waits: readonly Wait[]): Wait | undefined {
  return waits.toSorted((a, b) => b.ms - a.ms)[0]
}

/** The stage that the wait was in, or most of it. */
export function stageOf(waited: Waited, report: Report): StageName | undefined {
  if (waited === 'git') return gitStageOf(report)
  return STAGES[waited]
}

const STAGES = {
  'find commit': 'find commit',
  'first reply': 'open',
  network: 'download',
  decode: 'unpack',
  files: 'unpack',
  'failed attempts': 'unpack',
  other: undefined,
} as const

const BEFORE_GIT: ReadonlySet<StageName> = new Set(['find commit', 'open', 'download', 'unpack'])

/** Git begins while files are still written: what counts is what it did after the last of them. */
function gitStageOf({ timeline }: Report): StageName | undefined {
  const lastFileMs = Math.max(0, ...timeline.filter(({ stage }) => stage === 'unpack').map((s) => s.endMs))
  const [longest] = timeline
    .filter(({ stage }) => !BEFORE_GIT.has(stage))
    .map(({ stage, startMs, endMs }) => ({ stage, ms: endMs - Math.max(startMs, lastFileMs) }))
    .toSorted((a, b) => b.ms - a.ms)
  return longest?.stage
}
