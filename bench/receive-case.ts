import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Case } from './bench.ts'
import type { Contestant } from './contestants.ts'
import { OURS } from './peers.ts'
import type { Received, Way } from './receive.ts'
import { snapshotPath } from './servers.ts'

const WORDS: Readonly<Record<Way, string>> = {
  action: OURS,
  undici: 'undici request',
  socket: 'a bare socket',
}
const WAYS = Object.keys(WORDS) as Way[]
const MOST_MS = 550

/** What receiving alone costs, without what starting the process does. */
export const receiveCase: Case = {
  name: 'receive-cpu',
  title: 'CPU time of receiving, without start-up',
  prepare: async ({ data: store, servers }) => {
    const data = await store.get('history')
    const path = snapshotPath(data.repository)
    const secure = await servers.secure()
    const plain = { url: `${await servers.nginx()}${path}`, bytes: data.snapshotBytes, env: {} }
    const tls = {
      ...plain,
      url: `${secure.url}${path}`,
      env: { NODE_EXTRA_CA_CERTS: secure.certificateFile },
    }
    return {
      facts: [`${data.words}; from nginx on this machine, once without and once with TLS`],
      quantity: 'cpuMs',
      reference: WORDS.undici,
      contestants: [
        ...WAYS.map((way) => receiver(WORDS[way], way, plain)),
        ...WAYS.map((way) => receiver(`${WORDS[way]}, TLS`, way, tls)),
      ],
      // Of the data that it was set for.
      goals: data.repository.endsWith('/history') ? [{ of: OURS, atMost: MOST_MS }] : [],
      skipped: [],
    }
  },
}

interface Source {
  readonly url: string
  readonly bytes: number
  readonly env: NodeJS.ProcessEnv
}

/** Measured by the process itself: only it knows when it has started. */
function receiver(name: string, way: Way, { url, bytes, env }: Source): Contestant {
  const run = async (signal: AbortSignal) => {
    const args = [join(import.meta.dirname, 'receive.ts'), way, url]
    const options = { signal, env: { ...process.env, ...env } }
    const { stdout } = await promisify(execFile)(process.execPath, args, options)
    const { bytes: received, cpuMs, wallMs } = JSON.parse(stdout) as Received
    if (received < bytes) throw new Error(`received ${received} of ${bytes} bytes`)
    return { cpuMs, wallMs }
  }
  return { name, run }
}
