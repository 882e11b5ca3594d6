import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { RunOptions } from '../test/support/runner.ts'
import type { Case } from './bench.ts'
import { type Contestant, measureAction } from './contestants.ts'
import { OURS } from './peers.ts'
import { freshDirectory } from './place.ts'

const SMALLEST = 'core and undici alone'
const root = join(import.meta.dirname, '..')

/** How long the action takes from its start to its first request, beside the least that an action can be. */
export const startUpCase: Case = {
  name: 'start-up',
  title: 'from the start of the process to its first request',
  prepare: async () => ({
    facts: [`${SMALLEST}: a bundle of @actions/core and undici that makes one request`],
    quantity: 'wallMs',
    reference: SMALLEST,
    contestants: [arrivals(OURS, {}), arrivals(SMALLEST, { entry: smallestBundle() })],
    goals: [{ of: OURS, to: [SMALLEST], atMost: 1.1 }],
    skipped: [],
  }),
}

/** Each run has a server of its own in this process, which otherwise only waits. */
function arrivals(name: string, options: RunOptions): Contestant {
  const run = async (signal: AbortSignal) => {
    let arrivedAt: number | undefined
    const server = createServer((_, response) => {
      arrivedAt ??= performance.now()
      response.writeHead(404).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/snapshot.tar.zst`
      const { startedAt, result } = await measureAction({
        ...options,
        signal,
        inputs: { url, 'on-miss': 'fail' },
        github: { sha: '0123456789'.repeat(4) },
      })
      if (arrivedAt === undefined) throw new Error(`made no request: ${result.stdout}${result.stderr}`)
      return { wallMs: arrivedAt - startedAt }
    } finally {
      server.close()
    }
  }
  return { name, run }
}

function smallestBundle(): string {
  const out = freshDirectory('smallest-action')
  const ncc = join(root, 'node_modules', '@vercel', 'ncc', 'dist', 'ncc', 'cli.js')
  const args = [ncc, 'build', join(import.meta.dirname, 'smallest-action.js'), '--out', out, '--quiet']
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`ncc could not build the smallest action: ${stderr}`)
  return join(out, 'index.js')
}
