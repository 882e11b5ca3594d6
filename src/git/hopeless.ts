import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'

/** GitHub answers 404 for a private repository as well, where the token may not read it. */
const NOT_LET_IN = /repository '.*' not found|could not read Username|Authentication failed/
const BAD_FILTER = /invalid filter-spec '(.*)'/
const NO_DIRECTORIES = /specify directories rather than patterns/
/** What such a line has, which git does not name. */
const PATTERN = /^[/!]|[*?[\]\\]/

const CHECK =
  "check the inputs repository and token (github.token reads only the workflow's own repository), " +
  'and "contents: read" in the job\'s permissions'

/** What git failed with where no other try would do better, in words about `place`; undefined where one may. */
export function hopeless(error: ActionError, place: string): ActionError | undefined {
  const cause = { cause: error }
  if (NOT_LET_IN.test(error.message)) {
    const message = `${place} is not there, or this token may not read it: ${CHECK}`
    return new ActionError('REF_NOT_FOUND', message, cause)
  }
  const filter = BAD_FILTER.exec(error.message)?.[1]
  if (filter === undefined) return undefined
  const allowed = 'a filter that git knows is allowed, such as blob:none or tree:0'
  return new ActionError('INVALID_INPUT', `Input filter is "${sanitize(filter)}": ${allowed}`, cause)
}

/** What git refused sparse patterns with, in words where it wants directories: it advises an option that is no input. */
export function refusedPatterns(error: unknown, patterns: readonly string[]): unknown {
  if (!(error instanceof ActionError) || !NO_DIRECTORIES.test(error.message)) return error
  const pattern = patterns.find((pattern) => PATTERN.test(pattern)) ?? patterns.join(', ')
  const allowed =
    'in cone mode directories without a leading slash are allowed; for patterns set sparse-checkout-cone-mode: false'
  return new ActionError('INVALID_INPUT', `Input sparse-checkout has "${sanitize(pattern)}": ${allowed}`)
}
