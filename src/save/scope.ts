import type { JobEvent } from '../git/wanted.ts'
import type { SaveReport } from './report.ts'

/** What is to be said of what was saved where few jobs can restore it: GitHub goes by the ref that the job is about. */
export function scopeNotice(
  { ref, payload }: Pick<JobEvent, 'ref' | 'payload'>,
  { outcome }: Pick<SaveReport, 'outcome'>,
): string | undefined {
  const known = (payload as Payload).repository?.default_branch
  if (outcome !== 'saved' || typeof known !== 'string' || known === '') return undefined
  if (ref === '' || ref === `refs/heads/${known}`) return undefined
  return (
    `No other branch can restore this snapshot, as it was saved by a job for ${ref}: ` +
    `what all branches are to restore has to be saved by a job for the default branch, ${known}`
  )
}

interface Payload {
  readonly repository?: { readonly default_branch?: unknown }
}
