import { ActionError } from '../errors.ts'
import type { JobEvent } from './wanted.ts'

interface AskedFor {
  /** `owner/name` */
  readonly repository: string
  readonly ref: string
  readonly commit: string | undefined
}

/** The pull request that made the job run: the repository that its code is in, and the commits of that code. */
interface PullRequest {
  readonly headId: unknown
  readonly headName: unknown
  readonly commits: readonly unknown[]
}

const PULL_REF = /^refs\/pull\/[0-9]+\/(?:head|merge)$/

/**
 * Throws UNSAFE_CHECKOUT where a job that a pull request from a fork started, but that runs with this
 * repository's secrets, asks for the fork's code. Only what the event tells can be recognized, as in
 * actions/checkout: its repository, its commits, and the refs of any pull request.
 */
export function refuseForkCode(asked: AskedFor, event: JobEvent): void {
  const pull = pullRequestOf(event)
  const ownId = valueAt(event.payload, 'repository.id')
  if (typeof ownId !== 'number' || typeof pull?.headId !== 'number' || pull.headId === ownId) return
  const reason = reasonToRefuse(asked, pull)
  if (reason === undefined) return
  throw new ActionError(
    'UNSAFE_CHECKOUT',
    `Refusing to check out the code of a fork's pull request in a ${event.name} workflow: ${reason}. Such a job ` +
      "has this repository's token, secrets, caches and runner, and whoever opened the pull request wrote that " +
      'code. Use the pull_request event for it, or leave out the inputs repository and ref; where the code is ' +
      'never run, and you know the risk (https://gh.io/securely-using-pull_request_target), set ' +
      'allow-unsafe-pr-checkout: true',
  )
}

function pullRequestOf({ name, payload }: JobEvent): PullRequest | undefined {
  if (name === 'pull_request_target') {
    return {
      headId: valueAt(payload, 'pull_request.head.repo.id'),
      headName: valueAt(payload, 'pull_request.head.repo.full_name'),
      commits: ['head.sha', 'merge_commit_sha'].map((key) => valueAt(payload, `pull_request.${key}`)),
    }
  }
  const startedBy = name === 'workflow_run' ? valueAt(payload, 'workflow_run.event') : undefined
  if (typeof startedBy !== 'string' || !startedBy.startsWith('pull_request')) return undefined
  // After pull_request_target `head_sha` is the commit of this repository that the workflow was taken from.
  const commits = startedBy === 'pull_request_target' ? ['head_commit.id'] : ['head_commit.id', 'head_sha']
  return {
    headId: valueAt(payload, 'workflow_run.head_repository.id'),
    headName: valueAt(payload, 'workflow_run.head_repository.full_name'),
    commits: commits.map((key) => valueAt(payload, `workflow_run.${key}`)),
  }
}

function reasonToRefuse({ repository, ref, commit }: AskedFor, pull: PullRequest): string | undefined {
  if (lowerCase(pull.headName) === repository.toLowerCase()) return `repository ${repository} is the fork`
  if (PULL_REF.test(ref)) return `ref ${ref} is a pull request's`
  if (commit === undefined || !pull.commits.map(lowerCase).includes(commit.toLowerCase())) return undefined
  return `commit ${commit} is the pull request's`
}

function lowerCase(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase() : undefined
}

/** The value at a dotted path, undefined where there is no way to it. */
function valueAt(payload: unknown, path: string): unknown {
  let value = payload
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
