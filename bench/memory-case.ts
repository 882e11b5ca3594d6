import type { Case } from './bench.ts'
import { theAction } from './contestants.ts'
import { actionOptions } from './restore-case.ts'
import { snapshotPath } from './servers.ts'

const MOST_BYTES = 250 * 1024 ** 2

/** How much memory the action's process has at most: the same, however large the snapshot is. */
export const memoryCase: Case = {
  name: 'memory',
  title: 'peak memory of the action at the defaults',
  prepare: async ({ data: store, servers }) => {
    const [files, history, pack] = await Promise.all([
      store.get('files'),
      store.get('history'),
      store.get('pack'),
    ])
    const server = await servers.nginx()
    const rows = [...new Set([files, history, pack])]
    const contestants = rows.map((data) => {
      const target = { SERVER: server, URL: `${server}${snapshotPath(data.repository)}` }
      const options = actionOptions({ server: 'nginx' }, data, target)
      return theAction(data.repository, { ...options, measurePeak: true })
    })
    return {
      facts: rows.map(({ repository, words }) => `${repository}: ${words}`),
      quantity: 'peakBytes',
      reference: undefined,
      contestants,
      goals: contestants.map(({ name }) => ({ of: name, atMost: MOST_BYTES })),
      skipped: [],
    }
  },
}
