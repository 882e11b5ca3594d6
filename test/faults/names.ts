import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP } from 'node:net'
import { onTestFinished, vi } from 'vitest'

type Answer = readonly string[] | 'ENOTFOUND' | 'EAI_AGAIN'
type Callback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/**
 * Lets these names lead to these addresses, or nowhere, for the running test. A function is asked each time, and
 * told how often before. Returns how often each was looked up.
 */
export function nameServer(
  names: Readonly<Record<string, Answer | ((before: number) => Answer)>>,
): Readonly<Record<string, number>> {
  const lookups: Record<string, number> = Object.fromEntries(Object.keys(names).map((name) => [name, 0]))
  const original = dns.lookup
  const lookup = (name: string, options: LookupOptions, callback: Callback): void => {
    const known = names[name]
    if (known === undefined) {
      original(name, options, callback as never)
      return
    }
    const before = lookups[name] ?? 0
    lookups[name] = before + 1
    const answer = typeof known === 'function' ? known(before) : known
    setImmediate(() => reply(name, answer, options, callback))
  }
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(lookup as never)
  onTestFinished(() => spy.mockRestore())
  return lookups
}

function reply(name: string, answer: Answer, options: LookupOptions, callback: Callback): void {
  if (typeof answer === 'string') {
    callback(Object.assign(new Error(`getaddrinfo ${answer} ${name}`), { code: answer }), '')
    return
  }
  const addresses = answer.map((address) => ({ address, family: isIP(address) }))
  if (options.all) callback(null, addresses)
  else callback(null, addresses[0]?.address ?? '', addresses[0]?.family)
}
