import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import { expectParity, nestSubmodules, type Scenario } from './support/checkout-scenario.ts'
import { storeLfs } from './support/lfs-upstream.ts'
import { findProgram } from './support/programs.ts'
import { change, commitSubmodules, type Site, useSite } from './support/site.ts'
import { SSH_PROGRAMS, startSshServer } from './support/ssh-server.ts'
import { temporary } from './support/temporary.ts'

const site = useSite()

/** What more than one repository, or another way to it, takes part in. */
const scenarios: Scenario[] = [
  {
    name: 'submodules',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'true' },
    }),
  },
  {
    name: 'submodules of submodules',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'recursive' },
    }),
  },
  {
    name: 'submodules of submodules with all history and without credentials afterwards',
    arrange: async (site) => ({
      github: { sha: await nestSubmodules(site) },
      inputs: { submodules: 'recursive', 'fetch-depth': '0', 'persist-credentials': 'false' },
    }),
  },
  ...['1', '0'].map((depth) => ({
    name: `a submodule with a snapshot that is older than the commit wanted, and fetch-depth ${depth}`,
    arrange: async ({ forge, upstream }: Site) => {
      const lib = await forge.makeRepository('octo/lib', { history: [change('first.txt')] })
      await forge.snapshot(lib)
      const commit = await lib.commit(change('second.txt'))
      await lib.commit(change('third.txt'))
      await lib.git('tag', '--annotate', '--message=one', 'v1', commit)
      await lib.git('branch', 'other', 'main~2')
      return {
        github: { sha: await commitSubmodules(upstream, [{ path: 'lib', url: '../lib', commit }]) },
        inputs: { submodules: 'true', 'fetch-depth': depth },
      }
    },
  })),
  {
    name: 'Git LFS',
    needs: ['git-lfs'],
    arrange: async ({ forge, upstream }) => {
      await upstream.commit([
        { path: '.gitattributes', content: '*.dat filter=lfs diff=lfs merge=lfs -text\n' },
        { path: 'held.dat', content: (await storeLfs(upstream, 'in the snapshot')).pointer },
      ])
      await forge.snapshot(upstream)
      const { pointer } = await storeLfs(upstream, 'newer than the snapshot')
      return {
        github: { sha: await upstream.commit([{ path: 'newer.dat', content: pointer }]) },
        inputs: { lfs: 'true' },
      }
    },
  },
  {
    name: 'Git LFS not asked for',
    needs: ['git-lfs'],
    arrange: async ({ forge, upstream }) => {
      const { pointer } = await storeLfs(upstream, 'not wanted')
      const sha = await upstream.commit([
        { path: '.gitattributes', content: '*.dat filter=lfs diff=lfs merge=lfs -text\n' },
        { path: 'large.dat', content: pointer },
      ])
      await forge.snapshot(upstream)
      return { github: { sha } }
    },
  },
  {
    name: 'a key for SSH',
    needs: SSH_PROGRAMS,
    arrange: async ({ forge, tip }) => {
      const server = await startSshServer(join(temporary(), 'ssh'))
      onTestFinished(() => server.close())
      return {
        github: { sha: tip },
        inputs: {
          'ssh-key': server.key,
          'ssh-known-hosts': server.knownHosts,
          'ssh-user': server.user,
          'fetch-tags': 'true',
        },
        ssh: await sshTo(server.port, forge.repositories),
      }
    },
  },
]

describe('from a snapshot the action leaves what actions/checkout leaves', () => {
  it.for(scenarios)('for $name', (scenario, context) => expectParity(site, scenario, context))
})

/** An `ssh` that finds the server on its port, and the repositories below the directory. */
async function sshTo(port: number, repositories: string): Promise<string> {
  const program = join(temporary(), 'ssh')
  const script = `#!/bin/sh
left=$#
for argument do
  shift
  left=$((left - 1))
  test $left -gt 0 || argument="cd '${repositories}' && $argument"
  set -- "$@" "$argument"
done
exec '${findProgram('ssh')}' -F /dev/null -p ${port} "$@"
`
  await writeFile(program, script)
  await chmod(program, 0o755)
  return program
}
