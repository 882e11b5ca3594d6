import type { Case } from './bench.ts'
import { theAction } from './contestants.ts'
import { actionOptions } from './restore-case.ts'
import { snapshotPath, Unavailable } from './servers.ts'

const FEWEST_CORES = 4
/** What `threadsFor` can choose: never less than two, never more than four. */
const WRITERS = [2, 3, 4]

/** What more writer threads bring, where there are cores for them. */
export function writersCase(cores: number): Case {
  return {
    name: 'writers',
    title: '47,000 small files, by number of writer threads',
    prepare: async ({ data: store, servers }) => {
      if (cores < FEWEST_CORES)
        throw new Unavailable(`more writers pay from ${FEWEST_CORES} cores on, and here are ${cores}`)
      const data = await store.get('files')
      const server = await servers.nginx()
      const target = { SERVER: server, URL: `${server}${snapshotPath(data.repository)}` }
      const options = actionOptions({ server: 'nginx' }, data, target)
      const nameOf = (writers: number): string => `${writers} writers`
      return {
        facts: [data.words],
        quantity: 'wallMs',
        reference: nameOf(WRITERS[0] ?? 0),
        contestants: WRITERS.map((writers) =>
          theAction(nameOf(writers), {
            ...options,
            env: { NODE_OPTIONS: `--import=${coresModule(writers)}` },
          }),
        ),
        goals: [],
        skipped: [],
      }
    },
  }
}

/** A module that makes the action believe in so many cores: by them it chooses its writers, and nothing else. */
export function coresModule(cores: number): string {
  const source = `import os from 'node:os'
import { syncBuiltinESMExports } from 'node:module'
os.availableParallelism = () => ${cores}
syncBuiltinESMExports()`
  return `data:text/javascript,${encodeURIComponent(source)}`
}
