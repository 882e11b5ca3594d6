import type { Case } from './bench.ts'
import { type Contestant, theAction } from './contestants.ts'
import { OURS } from './peers.ts'

/** What a first server may cost that is of no use. */
const MOST_MS = 3_000
const LIMIT = `${OURS} with one server, and ${MOST_MS / 1000} s`

/** A restore from the second of two servers, the first of which is of no use in each of the ways there are. */
export const mirrorsCase: Case = {
  name: 'mirrors',
  title: 'a first server that is of no use, before one that has the snapshot',
  prepare: async ({ data: store, servers }) => {
    const data = await store.get('quick')
    const { repository, branch, commit } = data
    const [live, dead] = [await servers.nginx(), Object.entries(await servers.dead())]
    const github = { repository, sha: commit, ref: `refs/heads/${branch}` }
    const restoring = (name: string, addresses: readonly string[]): Contestant =>
      theAction(name, { inputs: { server: addresses.join('\n'), 'on-miss': 'fail' }, github })
    return {
      facts: [`${data.words}; from nginx`],
      quantity: 'wallMs',
      reference: LIMIT,
      contestants: [
        later(LIMIT, restoring(OURS, [live]), MOST_MS),
        ...dead.map(([what, address]) => restoring(what, [address, live])),
      ],
      goals: dead.map(([what]) => ({ of: what, to: [LIMIT], atMost: 1 })),
      skipped: [],
    }
  },
}

/** The same contestant, its time made longer. */
function later(name: string, { run }: Contestant, byMs: number): Contestant {
  return {
    name,
    run: async (signal) => {
      const sample = await run(signal)
      return { ...sample, wallMs: (sample.wallMs ?? 0) + byMs }
    },
  }
}
