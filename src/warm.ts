import type { Target } from './git/wanted.ts'
import { HttpClient } from './http/client.ts'
import { type OriginContext, targetAtOrigin } from './origin-target.ts'
import { PATIENCE, Patience } from './patience.ts'
import { secretsFor } from './session.ts'
import { type Location, locate } from './snapshot/locate.ts'
import { ensureRefs, SHORTCUT_LIMITS, type ShortcutOptions } from './snapshot/shortcut.ts'
import type { ToolCache } from './store/store.ts'
import type { WarmInputs } from './warm-inputs.ts'
import { type Found, lookFor, type Missing } from './warm-look.ts'
import type { Ensured, WarmReport } from './warm-report.ts'
import { fillStore } from './warm-store.ts'

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
}

/**
 * Sees that there is a snapshot for the jobs to come, at its source and in this machine's store, and that its server has
 * the wanted commit.
 */
export async function warm(inputs: WarmInputs, context: WarmContext): Promise<WarmReport> {
  const location = locate(inputs, context.env)
  const repository = `${inputs.repository.owner}/${inputs.repository.name}`
  if (location.kind === 'nowhere') {
    const finding = { kind: 'missing', reason: location.reason } as const
    const kept = inputs.store === undefined ? undefined : false
    const nothing = { wanted: undefined, ageMs: undefined, ensured: NOT_ASKED }
    return { repository, source: 'none', finding, kept, ...nothing }
  }
  // Nothing is checked out, so that no code of a fork could run.
  const { target } = await targetAtOrigin({ ...inputs, allowUnsafePrCheckout: true }, context)
  const { finding, ...rest } = await ask(target, location, { inputs, context })
  return {
    repository,
    source: location.kind,
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

async function ask(
  target: Target,
  location: Location,
  { inputs, context }: Step,
): Promise<Pick<WarmReport, 'finding' | 'ensured' | 'kept'>> {
  const { env, event, onSecret, wait } = context
  const secrets = secretsFor(location, inputs)
  const { connectTimeoutMs } = PATIENCE
  const client = new HttpClient({ env, secrets, connectTimeoutMs, connections: inputs.concurrency })
  // There is no other way to a snapshot: every source is asked as often as the inputs allow.
  const patience = new Patience({ ...inputs, onMiss: 'fail' }, context)
  try {
    const finding = await lookFor(target, location, { client, patience, wait, inputs, event, onSecret })
    const { stall } = patience
    const ensured = await ensure(target, location, { client, stall, signal: context.signal })
    const kept = await fillStore(finding, location, { client, patience, inputs, context })
    return { finding, ensured, kept }
  } finally {
    patience.end()
    await client.close()
  }
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
