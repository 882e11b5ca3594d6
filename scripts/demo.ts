// npm run demo [-- DIRECTORY | URL]: serves the snapshot of a repository from this machine, and restores
// it with the built action, started as the runner starts it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { git, makeUpstream } from '../test/support/git-repo.ts'
import { type RunResult, runAction } from '../test/support/runner.ts'
import { startSnapshotServer } from '../test/support/snapshot-server.ts'
import { renderer } from './rendered-log.ts'

const repository = 'octo/demo'
const bundle = resolve(import.meta.dirname, '..', 'dist', 'index.js')

process.exitCode = existsSync(bundle)
  ? await demo(process.argv[2])
  : fail(`${bundle} is missing: npm run build`)

async function demo(source: string | undefined): Promise<number> {
  const place = await mkdtemp(join(tmpdir(), 'git-snapshot-demo-'))
  const upstreams = join(place, 'upstreams')
  const workspace = join(place, 'workspace')
  say(source === undefined ? 'Making a small repository.' : `Cloning ${source}.`)
  if (source === undefined) await makeUpstream({ root: upstreams, repository })
  else if (!(await cloned(source, join(upstreams, 'github.com', `${repository}.git`)))) {
    await rm(place, { recursive: true })
    return fail(`git could not clone ${source}`)
  }
  const server = await startSnapshotServer({ upstreams })
  try {
    const { bytes, commit } = await server.generate(repository)
    say(`A server on this machine has its snapshot: ${sized(bytes)} of commit ${commit.slice(0, 12)}.`)
    say('The action restores it:\n')
    const inputs = { server: server.url, repository }
    const result = await runAction({
      inputs,
      workspace,
      github: { repository, sha: commit },
      onOutput: renderer(say),
    })
    const post = await result.runPost({ onOutput: renderer(say) })
    await tell(result, commit)
    await result.cleanUp()
    return result.exitCode || post.exitCode || 0
  } finally {
    await server.close()
    await rm(upstreams, { recursive: true, force: true })
  }
}

async function tell({ exitCode, outputs, workspace }: RunResult, commit: string): Promise<void> {
  if (exitCode !== 0) return say(`\nThe action failed with exit code ${exitCode}.`)
  say('\nOutputs:')
  // The report is removed with the runner's temporary directory.
  const { report: _, ...lasting } = outputs
  const width = Math.max(...Object.keys(lasting).map((name) => name.length))
  for (const [name, value] of Object.entries(lasting)) say(`  ${name.padEnd(width)}  ${value}`)
  const status = await git(workspace, 'status', '--short')
  say(`\ngit status:  ${status === '' ? 'clean' : `\n${status}`}`)
  say(`git log -1:  ${await git(workspace, 'log', '-1', '--format=%h %s (%an, %ad)', '--date=short')}`)
  const head = await git(workspace, 'rev-parse', 'HEAD')
  if (head !== commit) say(`HEAD is ${head}, and the snapshot's commit was ${commit}`)
  say(`\nThe tree is in ${workspace}`)
}

/** With the user's own git configuration, for a URL may need it. */
async function cloned(source: string, directory: string): Promise<boolean> {
  await mkdir(dirname(directory), { recursive: true })
  const from = existsSync(source) ? resolve(source) : source
  return spawnSync('git', ['clone', '--bare', '--', from, directory], { stdio: 'inherit' }).status === 0
}

function sized(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function say(text: string): void {
  console.log(text)
}

function fail(message: string): number {
  console.error(`demo: ${message}`)
  return 1
}
