import { ActionError, describeError } from './errors.ts'
import type { Target } from './git/wanted.ts'
import { type OriginContext, targetAtOrigin } from './origin-target.ts'
import { type Location, locate, type Somewhere } from './snapshot/locate.ts'
import { ensureRefs, SHORTCUT_LIMITS, type ShortcutOptions } from './snapshot/shortcut.ts'
import { idTokenFor } from './source/id-token.ts'
import { Mirror } from './source/mirror.ts'
import { asOne } from './source/mirrors.ts'
import { Patience } from './source/patience.ts'
import type { ToolCache } from './store/store.ts'
import { together } from './together.ts'
import type { WarmInputs } from './warm/inputs.ts'
import { Lateness } from './warm/lateness.ts'
import { type Found, lookFor, type Missing } from './warm/look.ts'
import type { Ensured, WarmReport } from './warm/report.ts'
import { fillStore } from './warm/store.ts'

/** What a warm step may use of the world around it. */
export interface WarmContext extends OriginContext {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves after the delay; rejects with the reason once aborted. */
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** The look-ups of `@actions/tool-cache`, in this directory. */
  readonly toolCache: (directory: string) => Promise<ToolCache>
  /** Told what must never be in the log, before it could be. */
  readonly onSecret: (text: string) => void
  /** One annotation that people see without opening the log. */
  readonly warn: (line: string) => void
}

/**
 * Sees that there is a snapshot for the jobs to come, at each of its places and in this machine's store, and that its
 * servers have the wanted commit. Tells of the first place that has it; where none has, and one failed, it rejects.
 */
export async function warm(inputs: WarmInputs, context: WarmContext): Promise<WarmReport> {
  const where = locate(inputs, context.env)
  const repository = `${inputs.repository.owner}/${inputs.repository.name}`
  if (where.kind === 'nowhere') {
    const finding = { kind: 'missing', reason: where.reason } as const
    const kept = inputs.store === undefined ? undefined : false
    const nothing = { wanted: undefined, ageMs: undefined, ensured: NOT_ASKED }
    return { repository, source: 'none', finding, kept, ...nothing }
  }
  // Nothing is checked out, so that no code of a fork could run.
  const { target } = await targetAtOrigin({ ...inputs, allowUnsafePrCheckout: true }, context)
  const { finding, ...rest } = await askAll(target, where, { inputs, context })
  return {
    repository,
    source: where.places[0].kind,
    wanted: target.commit,
    finding,
    ageMs: ageOf(finding, context.now()),
    ...rest,
  }
}

const NOT_ASKED: Ensured = { kind: 'not-asked' }

interface Step {
  readonly inputs: WarmInputs
  readonly context: WarmContext
}

async function askAll(
  target: Target,
  { places }: Somewhere,
  { inputs, context }: Step,
): Promise<Pick<WarmReport, 'finding' | 'ensured' | 'kept'>> {
  const { env } = context
  const patience = patienceOf(inputs, context)
  const bearer = idTokenFor(inputs, context, patience)
  const lateness = new Lateness(context)
  const mirrors = places.map((location) => Mirror.at(location, { inputs, env, bearer }))
  try {
    const asked = mirrors.map((mirror) => ask(target, mirror, { inputs, context, lateness }))
    const filled = fillFrom(asked, { inputs, context })
    const [kept, outcomes] = await together(filled, Promise.allSettled(asked))
    const { finding, ensured } = chosen(outcomes, context)
    return { finding, ensured, kept }
  } finally {
    patience.end()
    await Promise.all([lateness.end(), bearer?.close(), ...mirrors.map((mirror) => mirror.close())])
  }
}

/** There is no other way to a snapshot: every source is asked as often as the inputs allow. */
function patienceOf(inputs: WarmInputs, context: Pick<WarmContext, 'signal' | 'log'>): Patience {
  return new Patience({ ...inputs, onMiss: 'fail' }, context)
}

interface Answered extends Pick<WarmReport, 'finding' | 'ensured'> {
  readonly mirror: Mirror
}

async function ask(
  target: Target,
  mirror: Mirror,
  { inputs, context, lateness }: Step & { readonly lateness: Lateness },
): Promise<Answered> {
  const { event, onSecret, wait, signal } = context
  const { location, client } = mirror
  const patience = patienceOf(inputs, { ...context, signal: lateness.signalFor(mirror) })
  try {
    const finding = await lookFor(target, location, { client, patience, wait, inputs, event, onSecret })
    if (finding.kind !== 'missing') lateness.has(mirror)
    const ensured = await ensure(target, location, { client, stall: patience.stall, signal })
    return { mirror, finding, ensured }
  } finally {
    patience.end()
  }
}

/** Has this machine keep what the first in order has, while others may still be asked. */
async function fillFrom(
  asked: readonly Promise<Answered>[],
  { inputs, context }: Step,
): Promise<boolean | undefined> {
  for (const answer of asked) {
    const answered = await answer.catch(() => undefined)
    if (answered === undefined || answered.finding.kind === 'missing') continue
    const patience = patienceOf(inputs, context)
    try {
      return await fillStore(answered.finding, answered.mirror, { patience, inputs, context })
    } finally {
      patience.end()
    }
  }
  return inputs.store === undefined ? undefined : false
}

/** The first that has a snapshot, with a warning for each that has none; else why none has. */
function chosen(
  outcomes: readonly PromiseSettledResult<Answered>[],
  { warn }: Pick<WarmContext, 'warn'>,
): Answered {
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const found = answers.find(({ finding }) => finding.kind !== 'missing')
  const errors = outcomes.map(failureIn).filter((error) => error !== undefined)
  if (found !== undefined) {
    for (const error of errors) warn(`jobs to come have one server less: ${describeError(error)}`)
    return found
  }
  const [first] = answers
  if (first === undefined || answers.length < outcomes.length) throw asOne(errors)
  return { ...first, finding: { kind: 'missing', reason: errors.map(describeError).join('; ') } }
}

function failureIn(outcome: PromiseSettledResult<Answered>): unknown {
  if (outcome.status === 'rejected') return outcome.reason
  const { finding } = outcome.value
  return finding.kind === 'missing' ? new ActionError('NOT_FOUND', finding.reason) : undefined
}

/** Asks a server for the wanted commit before anything large is read, which may fail. */
async function ensure(
  { commit }: Target,
  location: Location,
  requests: Pick<ShortcutOptions, 'client' | 'stall' | 'signal'>,
): Promise<Ensured> {
  if (location.kind !== 'cachew') return NOT_ASKED
  let reason = ''
  const log = (line: string): void => {
    reason = line
  }
  const kind = await ensureRefs(location.ensureRefs, commit, { ...requests, limits: SHORTCUT_LIMITS, log })
  return kind === 'unavailable' ? { kind, reason } : { kind }
}

/** A server's clock may be ahead of ours. */
function ageOf(finding: Found | Missing, nowMs: number): number | undefined {
  if (finding.kind === 'missing' || finding.modifiedMs === undefined) return undefined
  return Math.max(0, nowMs - finding.modifiedMs)
}
