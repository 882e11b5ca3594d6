import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CACHED_FILE } from '../src/snapshot/actions-cache.ts'
import { keyOf } from '../src/snapshot/cache-key.ts'
import type { CacheService } from '../test/support/cache-service.ts'
import { toolkitIn } from '../test/support/toolkit-cache.ts'
import type { Case } from './bench.ts'
import { aPeer, theAction } from './contestants.ts'
import type { Data } from './data.ts'
import { OURS, type Target } from './peers.ts'
import { freshDirectory } from './place.ts'
import type { RepositoryName } from './repositories.ts'

const TOOLKIT = 'restoreCache of @actions/cache'
const TREE = 'tree'
const TREE_KEY = 'the-same-tree'
const LIBRARY = new URL('../test/support/toolkit-cache.ts', import.meta.url).pathname

/** A restore from the Actions cache, beside the toolkit's own of the same tree. */
export function cacheCase(name: string, repository: RepositoryName): Case {
  return {
    name,
    title: `from the Actions cache at 30 MiB/s a connection, ${repository}`,
    prepare: async ({ data: store, servers }) => {
      const data = await store.get(repository)
      const env: Record<string, string> = JSON.parse(await servers.cache())
      await saveBoth(data, env)
      const { repository: name, branch, commit } = data
      const github = { repository: name, sha: commit, ref: `refs/heads/${branch}` }
      const inputs = { 'on-miss': 'fail' }
      return {
        facts: [`${data.words}; azurite behind nginx with limit_rate 30m`],
        quantity: 'wallMs',
        reference: TOOLKIT,
        contestants: [theAction(OURS, { inputs, github, env }), aPeer(toolkit(env), {} as Target)],
        goals: [{ of: OURS, to: [TOOLKIT], atMost: 0.5 }],
        skipped: [],
      }
    },
  }
}

/** The snapshot as the save action would, and its tree as actions/cache does. */
async function saveBoth(
  { snapshot, repository, branch, commit }: Data,
  env: CacheService['env'],
): Promise<void> {
  const place = freshDirectory('cache')
  const { save } = toolkitIn(place, { env } as CacheService)
  copyFileSync(snapshot, join(place, CACHED_FILE))
  const [owner = '', name = ''] = repository.split('/')
  const key = keyOf({ host: 'github.com', owner, name, branch, kind: 'full', commit })
  await save(CACHED_FILE, key ?? '')
  mkdirSync(join(place, TREE))
  const { status } = spawnSync('bash', ['-c', `zstd -dc "${snapshot}" | tar -xpf - -C "${place}/${TREE}"`])
  if (status !== 0) throw new Error(`${snapshot} could not be unpacked`)
  await save(TREE, TREE_KEY)
}

function toolkit(env: CacheService['env']) {
  const call = JSON.stringify({ path: TREE, key: TREE_KEY, restoreKeys: [] })
  const variables = Object.entries(env).map(([name, value]) => `export ${name}='${value}'`)
  const script = `${variables.join('\n')}
    export GITHUB_WORKSPACE="$DIRECTORY" RUNNER_TEMP="$DIRECTORY"
    cd "$DIRECTORY" && "${process.execPath}" "${LIBRARY}" '${call}'
    test -d ${TREE}/.git`
  return { name: TOOLKIT, programs: ['tar', 'zstd'], script }
}
