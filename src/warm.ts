import type { Environment } from './environment.ts'
import { Credentials } from './git/credentials.ts'
import { gitOutside } from './git/git.ts'
import { resolveAtOrigin } from './git/origin.ts'
import { type JobEvent, type Target, wantedOf } from './git/wanted.ts'
import { gitRetries } from './git-retries.ts'
import { HttpClient } from './http/client.ts'
import { PATIENCE, Patience } from './patience.ts'
import { secretsFor } from './session.ts'
import { type Location, locate } from './snapshot/locate.ts'
import { ensureRefs, SHORTCUT_LIMITS } from './snapshot/shortcut.ts'
import type { WarmInputs } from './warm-inputs.ts'
import { type Found, lookFor, type Missing } from './warm-look.ts'
import type { Ensured, WarmReport } from './warm-report.ts'

/** What a warm step may use of the world around it. */
export interface WarmContext {
  readonly env: Environment
  readonly event: JobEvent
  /** The runner's temporary directory. */
  readonly temp: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves after the delay; rejects with the reason once aborted. */
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  /** Told what must never be in the log, before it could be. */
  readonly onSecret: (text: string) => void
}

/** One snapshot's first bytes, and a word to the server. */
const CONNECTIONS = 2

/** Sees that there is a snapshot for the jobs to come, and that its server has the wanted commit. */
export async function warm(inputs: WarmInputs, context: WarmContext): Promise<WarmReport> {
  const location = locate(inputs, context.env)
  const repository = `${inputs.repository.owner}/${inputs.repository.name}`
  if (location.kind === 'nowhere') {
    const finding = { kind: 'missing', reason: location.reason } as const
    return { repository, source: 'none', wanted: undefined, finding, ageMs: undefined, ensured: NOT_ASKED }
  }
  const target = await findTarget(inputs, context)
  const { finding, ensured } = await ask(target, location, { inputs, context })
  return {
    repository,
    source: location.kind,
    wanted: target.commit,
    finding,
    ageMs: ageOf(finding, context.now()),
    ensured,
  }
}

const NOT_ASKED: Ensured = { kind: 'not-asked' }

async function findTarget(inputs: WarmInputs, context: WarmContext): Promise<Target> {
  const { repository, githubServerUrl: serverUrl, token } = inputs
  const { temp, env, event } = context
  // Nothing is checked out, so that no code of a fork could run.
  const wanted = wantedOf({ ...inputs, allowUnsafePrCheckout: true }, event)
  const credentials = await Credentials.create({ temp, serverUrl, token, env, onCredentials: () => {} })
  const origin = { url: credentials.originUrl(repository), env: credentials.env }
  return resolveAtOrigin(wanted, origin, { git: gitOutside(temp, context), retries: gitRetries(context) })
}

interface Step {
  readonly inputs: WarmInputs
  readonly context: WarmContext
}

async function ask(
  target: Target,
  location: Location,
  { inputs, context }: Step,
): Promise<Pick<WarmReport, 'finding' | 'ensured'>> {
  const { env, event, onSecret, signal, wait } = context
  const secrets = secretsFor(location, inputs)
  const { connectTimeoutMs } = PATIENCE
  const client = new HttpClient({ env, secrets, connectTimeoutMs, connections: CONNECTIONS })
  // There is no other way to a snapshot: every source is asked as often as the inputs allow.
  const patience = new Patience({ ...inputs, onMiss: 'fail' }, context)
  try {
    const finding = await lookFor(target, location, { client, patience, wait, inputs, event, onSecret })
    if (location.kind !== 'cachew') return { finding, ensured: NOT_ASKED }
    let reason = ''
    const log = (line: string): void => {
      reason = line
    }
    const options = { client, stall: patience.stall, limits: SHORTCUT_LIMITS, signal, log }
    const kind = await ensureRefs(location.ensureRefs, target.commit, options)
    return { finding, ensured: kind === 'unavailable' ? { kind, reason } : { kind } }
  } finally {
    patience.end()
    await client.close()
  }
}

/** A server's clock may be ahead of ours. */
function ageOf(finding: Found | Missing, nowMs: number): number | undefined {
  if (finding.kind === 'missing' || finding.modifiedMs === undefined) return undefined
  return Math.max(0, nowMs - finding.modifiedMs)
}
