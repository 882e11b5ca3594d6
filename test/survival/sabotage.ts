// Preloaded into the step's process and its threads: one call of node:fs does something else than it should. What
// is in the environment under SABOTAGE says which and what.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export type Sabotage = {
  /** As in node:fs, or under `promises`. */
  readonly call: string
  /** Only calls with a path, a descriptor's excepted, that has these words count. */
  readonly about?: string
  /** Which of them; 1 is the first. */
  readonly nth: number
  /** How many, default all that follow. */
  readonly times?: number
  /** An error code, a signal that the process sends itself before the call goes on, or a call that never ends. */
  readonly does: string
}

const plan = process.env.SABOTAGE
if (plan !== undefined) sabotage(JSON.parse(plan) as Sabotage)

function sabotage({ call, about = '', nth, times = Number.POSITIVE_INFINITY, does }: Sabotage): void {
  const isAsync = call.startsWith('promises.')
  const owner = (isAsync ? fs.promises : fs) as unknown as Record<string, (...args: unknown[]) => unknown>
  const name = call.replace('promises.', '')
  const original = owner[name]
  if (original === undefined) throw new Error(`there is no ${call}`)
  let calls = 0
  owner[name] = (...args) => {
    if (!args.slice(0, 2).some((path) => String(path).includes(about))) return original(...args)
    calls += 1
    if (calls < nth || calls >= nth + times) return original(...args)
    if (does === 'never end') return new Promise(() => setInterval(() => {}, 60_000))
    if (!does.startsWith('SIG')) {
      const error = Object.assign(new Error(`${does}: injected, ${name} '${args[0]}'`), { code: does })
      if (isAsync) return Promise.reject(error)
      throw error
    }
    process.kill(process.pid, does)
    return original(...args)
  }
  syncBuiltinESMExports()
}
