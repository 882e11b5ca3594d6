import { formatOfName } from '../git/object-format.ts'
import { plainClone } from '../git/plain-clone.ts'
import type { Target } from '../git/wanted.ts'
import type { Job } from '../job.ts'
import type { Arrival } from '../report/report.ts'
import { arrive } from './arrival.ts'
import { fetching } from './freshening.ts'
import { publish } from './publication.ts'

/** The fetch that actions/checkout would do, into staging. On failure the destination is as it was. */
export function fromOrigin(job: Job, target: Target): Promise<Arrival> {
  const filter = job.inputs.filter ?? (job.inputs.sparse === undefined ? undefined : 'blob:none')
  return publish(job, (staging) =>
    job.timing.measure('settle', async () => {
      const { tree } = staging
      await job.requireGit()
      const fetched = () => plainClone({ ...fetching(job), tree, target, filter })
      await job.timeline.measure('fetch', fetched)
      await arrive(job, target, { tree, clone: 'new', untracked: 'keep', isPartial: filter !== undefined })
      const { commit } = target
      const result: Arrival = { outcome: 'fetched', freshenedBy: 'none', commit, snapshot: undefined }
      return { result, objectFormat: formatOfName(commit) }
    }),
  )
}
