import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloneUpstream, makeUpstream, type Upstream } from '../test/support/git-repo.ts'
import { change, commitSubmodules } from '../test/support/site.ts'
import type { Case } from './bench.ts'
import { theAction } from './contestants.ts'
import { freshDirectory } from './place.ts'
import { snapshotPath } from './servers.ts'

const SIDE_BY_SIDE = 'three side by side'
const NESTED = 'each in the one before'
const BY_GIT = 'by git, one after the other'
const LIMIT_RATE = 10 * 1024 ** 2

/** Three submodules from snapshots: beside each other, and where each can only begin when the one before is there. */
export const submoduleCase: Case = {
  name: 'submodules',
  title: 'three submodules of 9,000 files and 30 MB each, at 10 MiB/s a connection',
  prepare: async ({ data: store, servers }) => {
    const library = await store.get('library')
    const root = freshDirectory('upstreams')
    const source = join(library.upstreams, 'github.com', `${library.repository}.git`)
    const copy = (name: string) => cloneUpstream({ root, repository: `bench/${name}` }, source)
    const flat = await superproject(root, 'flat')
    await addTo(flat, await Promise.all(['one', 'two', 'three'].map(copy)))
    const nested = await superproject(root, 'nested')
    const [first, second, third] = [await copy('first'), await copy('second'), await copy('third')]
    await addTo(second, [third])
    await addTo(first, [second])
    await addTo(nested, [first])
    const unlimited = await servers.git({ upstreams: root, repository: flat.repository })
    const server = await servers.limited(unlimited, LIMIT_RATE)
    const GIT_CONFIG_GLOBAL = join(root, 'config')
    const base = `${server}/git/github.com/`
    writeFileSync(GIT_CONFIG_GLOBAL, `[url "${base}"]\n\tinsteadOf = https://github.com/\n`)
    // The first round, which does not count, has the server make the snapshots.
    const contestant = async (name: string, { git, repository }: Upstream, inputs: Record<string, string>) =>
      theAction(name, {
        inputs: { 'on-miss': 'fail', ...inputs },
        github: { repository, sha: await git('rev-parse', 'main') },
        env: { GIT_CONFIG_GLOBAL },
      })
    return {
      facts: [`each ${library.words}; from the embedded snapshot server behind nginx with limit_rate 10m`],
      quantity: 'wallMs',
      reference: NESTED,
      contestants: [
        await contestant(SIDE_BY_SIDE, flat, { server, submodules: 'true' }),
        await contestant(NESTED, nested, { server, submodules: 'recursive' }),
        await contestant(BY_GIT, flat, {
          url: `${server}${snapshotPath(flat.repository)}`,
          submodules: 'true',
        }),
      ],
      goals: [{ of: SIDE_BY_SIDE, to: [NESTED], atMost: 0.9 }],
      skipped: [],
    }
  },
}

function superproject(root: string, name: string): Promise<Upstream> {
  return makeUpstream({ root, repository: `bench/${name}` }, [change('README.md')])
}

async function addTo(upstream: Upstream, submodules: readonly Upstream[]): Promise<void> {
  const named = submodules.map(async ({ git, repository }) => {
    const path = repository.slice('bench/'.length)
    return { path, url: `../${path}`, commit: await git('rev-parse', 'main') }
  })
  await commitSubmodules(upstream, await Promise.all(named))
}
