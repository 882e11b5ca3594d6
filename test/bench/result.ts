import type { CaseResult, Entrant } from '../../bench/results.ts'

/** An entrant whose rounds took so many milliseconds. */
export function entrant(name: string, ...wallMs: number[]): Entrant {
  return {
    name,
    samples: wallMs.map((each) => ({ wallMs: each, cpuMs: 2 * each, peakBytes: each * 1024 ** 2 })),
  }
}

/** A case in which everything went well, unless the changes say otherwise. */
export function caseResult(changes: Partial<CaseResult> = {}): CaseResult {
  return {
    name: 'files',
    title: 'many files',
    facts: ['3 files'],
    quantity: 'wallMs',
    reference: 'curl | zstd | tar',
    entrants: [entrant('this action', 100, 130, 90), entrant('curl | zstd | tar', 200, 200, 100)],
    goals: [],
    skipped: [],
    failed: [],
    ...changes,
  }
}
