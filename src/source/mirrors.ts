import { ActionError, describeError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'
import type { CachewLocation } from '../snapshot/locate.ts'
import { firstGood, type Lap, NoneGood, type Setback } from './first-good.ts'
import type { Mirror } from './mirror.ts'
import { PATIENCE, wait } from './patience.ts'

export type Question<T> = (mirror: Mirror, lap: Lap) => Promise<T>

/** The places of which any will do, and which of them is to be asked first. Close them. */
export class Mirrors {
  readonly #all: readonly [Mirror, ...Mirror[]]
  readonly #log: (line: string) => void
  /** Those that may be asked, the one that has answered before the others. */
  #left: readonly [Mirror, ...Mirror[]]
  #hasAnswered = false

  constructor(all: readonly [Mirror, ...Mirror[]], log: (line: string) => void) {
    this.#all = all
    this.#left = all
    this.#log = log
  }

  get left(): readonly Mirror[] {
    return this.#left
  }

  /** The one that has answered, or else the one that is to be asked first. */
  get first(): Mirror {
    return this.#left[0]
  }

  /** Whether the first is known to answer, or the only one that there ever was. */
  get isSettled(): boolean {
    return this.#hasAnswered || this.#all.length === 1
  }

  /** What went over all wires so far. */
  get traffic(): { readonly bytes: number; readonly requests: number } {
    const traffics = this.#all.flatMap(({ client, shortcutClient }) => [
      client.traffic,
      shortcutClient.traffic,
    ])
    const sum = (count: 'bytes' | 'requests'): number =>
      traffics.reduce((total, traffic) => total + traffic[count], 0)
    return { bytes: sum('bytes'), requests: sum('requests') }
  }

  /** What has come of the snapshot, from whichever. */
  get bytes(): number {
    return this.#all.reduce((total, { client }) => total + client.traffic.bytes, 0)
  }

  /** The first good answer of those that are left. Who gave it comes first from then on, and who failed is left out. */
  async ask<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    const asked = this.#left
    const failed = new Set<Mirror>()
    const candidates = asked.map((mirror) => async (lap: Lap) => {
      try {
        return { mirror, answer: await question(mirror, lap) }
      } catch (error) {
        if (!lap.signal.aborted) failed.add(mirror)
        throw error
      }
    })
    const onNext = (index: number, setback: Setback): void =>
      this.#log(`${setbackWords(asked[index - 1], setback)}asking ${asked[index]?.origin}`)
    this.#hasAnswered = false
    try {
      const options = { headStartMs: PATIENCE.headStartMs, wait, signal, onNext }
      const { mirror, answer } = await firstGood(candidates, options)
      this.#hasAnswered = true
      if (mirror !== asked[0]) this.#log(`going on with ${mirror.origin}`)
      this.#left = [mirror, ...asked.filter((other) => other !== mirror && !failed.has(other))]
      return answer
    } catch (error) {
      throw error instanceof NoneGood ? asOne(error.errors) : error
    }
  }

  /** For another repository of the one that has answered, over its connections: not to be closed. */
  beside(location: CachewLocation): Mirrors {
    return new Mirrors([this.first.beside(location)], this.#log)
  }

  /** Leaves out the one that has answered. Gives the next one, and does nothing where there is none. */
  turnAway(): Mirror | undefined {
    const [, next, ...others] = this.#left
    if (!this.#hasAnswered || next === undefined) return undefined
    this.#left = [next, ...others]
    this.#hasAnswered = false
    return next
  }

  /** An error about what was sent, which says from what place, and where there are several, who has answered. */
  naming(error: ActionError, place: string | undefined): ActionError {
    const isOneOfMany = this.#all.length > 1 && this.#hasAnswered
    let { message } = error
    for (const source of [place, isOneOfMany ? this.first.origin : undefined]) {
      if (source !== undefined && !message.includes(source)) message = `${message} (from ${source})`
    }
    return message === error.message ? error : new ActionError(error.code, message, { cause: error })
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((mirror) => mirror.close()))
  }
}

function setbackWords(mirror: Mirror | undefined, setback: Setback): string {
  if (setback.kind === 'failed') return `${describeError(setback.error)}; `
  // Its failure has been told with when it tries again.
  if (setback.kind === 'faltering') return 'meanwhile '
  return `${mirror?.origin} has not answered within ${PATIENCE.headStartMs / 1000} s; meanwhile `
}

/** Several mirrors were asked, and each failed. Its code is that of the first that does not only lack the snapshot. */
export class NoMirror extends ActionError {
  readonly errors: readonly unknown[]

  constructor(errors: readonly unknown[]) {
    const codes = errors.map((error) => (error instanceof ActionError ? error.code : 'PROTOCOL_ERROR'))
    const length = Math.floor(MESSAGE_LENGTH / errors.length)
    const reasons = errors.map((error, index) => `(${index + 1}) ${sanitize(describeError(error), length)}`)
    super(
      codes.find((code) => code !== 'NOT_FOUND') ?? 'NOT_FOUND',
      `none of ${errors.length} servers gave a snapshot: ${reasons.join('; ')}`,
    )
    this.errors = errors
  }
}

/** An annotation has a thousand characters, for all of them together. */
const MESSAGE_LENGTH = 800

/** What failed at each place as one error: where all met the same one, that. */
export function asOne(errors: readonly unknown[]): unknown {
  return new Set(errors).size === 1 ? errors[0] : new NoMirror(errors)
}
