import type { Case } from './bench.ts'
import { theAction } from './contestants.ts'
import { freshDirectory } from './place.ts'
import type { RepositoryName } from './repositories.ts'
import { actionOptions } from './restore-case.ts'
import { snapshotPath } from './servers.ts'

const FROM_SERVER = 'from the server'
const FROM_STORE = "from this machine's store"

/** A second restore on a self-hosted machine, beside the first one's way. */
export function storeCase(name: string, repository: RepositoryName): Case {
  return {
    name,
    title: `a second restore, of ${repository}, on a machine that keeps snapshots`,
    prepare: async ({ data: store, servers }) => {
      const data = await store.get(repository)
      const server = await servers.nginx()
      const options = actionOptions({ server: 'nginx' }, data, {
        SERVER: server,
        URL: `${server}${snapshotPath(data.repository)}`,
      })
      // The first round, which does not count, fills it.
      const inputs = { ...options.inputs, store: freshDirectory('store') }
      return {
        facts: [`${data.words}; from nginx`],
        quantity: 'wallMs',
        reference: FROM_SERVER,
        contestants: [theAction(FROM_SERVER, options), theAction(FROM_STORE, { ...options, inputs })],
        goals: [{ of: FROM_STORE, to: [FROM_SERVER], atMost: 0.8 }],
        skipped: [],
      }
    },
  }
}
