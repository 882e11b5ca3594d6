import { mkdir, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { HttpClient } from '../../src/http/client.ts'
import { ensureRefs, SHORTCUT_LIMITS } from '../../src/snapshot/shortcut.ts'
import type { Fault } from '../support/fault.ts'
import { git, gitBytes } from '../support/git-repo.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await Scene.start()
})
afterAll(() => scene.close())

const isBundle = (path: string) => path.endsWith('/snapshot.bundle')
const isEnsureRefs = (path: string) => path.endsWith('/ensure-refs')
const refsOf = (tree: string) => git(tree, 'for-each-ref', '--format=%(refname) %(objectname)')

/** Restores with this answer in the place of one of the server's own. */
async function restoreWith(path: (path: string) => boolean, fault: Fault | undefined, more?: FaultScript) {
  await scene.serve(scene.clone, (request) => (path(request.path) ? fault : more?.(request)))
  return scene.restore()
}

async function bundleOf(directory: string, ...revisions: string[]): Promise<Buffer> {
  const file = scene.place('bundle')
  await git(directory, 'bundle', 'create', '--quiet', file, ...revisions)
  return readFile(file)
}

const good = () => bundleOf(scene.upstream.directory, 'main', `^${scene.commits.snapshot}`)

/** A pack of these objects and no others, with a bundle's head. */
async function packed(objects: readonly string[], head = '# v2 git bundle\n'): Promise<Buffer> {
  const { wanted, snapshot } = scene.commits
  const pack = await gitBytes(
    scene.upstream.directory,
    ['pack-objects', '--quiet', '--stdout'],
    Buffer.from(`${objects.join('\n')}\n`),
  )
  return Buffer.concat([Buffer.from(`${head}-${snapshot} \n${wanted} refs/heads/main\n\n`), pack])
}

/** The wanted commit and its tree, without the file that it changes. */
async function withoutFiles(): Promise<string[]> {
  const { wanted } = scene.commits
  return [wanted, await scene.upstream.git('rev-parse', `${wanted}^{tree}`)]
}

async function otherRepository(): Promise<string> {
  const directory = scene.place('other')
  await mkdir(directory)
  await git(directory, 'init', '--quiet', '--initial-branch=main')
  await git(directory, 'commit', '--quiet', '--allow-empty', '--message=Other')
  return directory
}

interface BadBundle {
  readonly id: 'F127'
  readonly what: string
  readonly fault: () => Promise<Fault> | Fault
  /** What the log says. */
  readonly says: RegExp
}

const page = '<html>Please sign in</html>'
const fromServer = /^no bundle from the server: /
const fromGit = /^git bundle failed .*; going on without it$/

const BAD: readonly BadBundle[] = [
  { id: 'F127', what: 'a bundle answered 404', fault: () => ({ status: 404 }), says: fromServer },
  { id: 'F127', what: 'a bundle answered 500', fault: () => ({ status: 500 }), says: fromServer },
  { id: 'F127', what: 'a bundle of 0 bytes', fault: () => ({ body: '' }), says: fromServer },
  {
    id: 'F127',
    what: 'a page of HTML in the place of a bundle',
    fault: () => ({ body: page }),
    says: fromServer,
  },
  {
    id: 'F127',
    what: 'a connection that breaks off in the bundle',
    fault: () => ({ resetAfter: 60 }),
    says: fromServer,
  },
  {
    id: 'F127',
    what: 'a truncated bundle, with the length of what is left',
    fault: async () => ({ body: (await good()).subarray(0, -30) }),
    says: fromGit,
  },
  {
    id: 'F127',
    what: 'a bundle that ends after its head',
    fault: async () => ({ body: '# v2 git bundle\n' }),
    says: fromGit,
  },
  {
    id: 'F127',
    what: 'a bundle with one bit flipped in its pack',
    fault: () => ({ flipAt: 220 }),
    says: fromGit,
  },
  {
    id: 'F127',
    what: 'a bundle whose prerequisite is missing',
    fault: async () => ({ body: await missingPrerequisite() }),
    says: fromGit,
  },
  {
    id: 'F127',
    what: "a bundle of another repository's",
    fault: async () => ({ body: await bundleOf(await otherRepository(), 'main') }),
    says: /^git rev-list failed .*; going on without it$/,
  },
  {
    id: 'F127',
    what: 'a bundle that has the commit without its files',
    fault: async () => ({ body: await packed(await withoutFiles()) }),
    says: /^git rev-list failed .*; going on without it$/,
  },
  {
    id: 'F127',
    what: 'a bundle that leaves out files by a filter',
    fault: async () => ({ body: await packed(await withoutFiles(), '# v3 git bundle\n@filter=blob:none\n') }),
    says: /^git (rev-list|bundle) failed .*; going on without it$/,
  },
  {
    id: 'F127',
    what: 'a bundle of a capability that nobody knows',
    fault: async () => ({ body: await packed(await withoutFiles(), '# v3 git bundle\n@sign=x\n') }),
    says: fromGit,
  },
]

async function missingPrerequisite(): Promise<Buffer> {
  const directory = await otherRepository()
  await git(directory, 'commit', '--quiet', '--allow-empty', '--message=Second')
  return bundleOf(directory, 'main', '^main~1')
}

describe('without the bundle the commit comes from the server, no ref of it stays, and the log says why', () => {
  it.each(BAD)('$id: $what', async ({ fault, says }) => {
    const { workspace, report, lines, warnings } = await restoreWith(isBundle, await fault())
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'server' })
    expect(lines).toContainEqual(expect.stringMatching(says))
    expect(warnings).toEqual([])
    await scene.expectCommit(workspace)
    const { wanted } = scene.commits
    expect(await refsOf(workspace)).toBe(`refs/heads/main ${wanted}\nrefs/remotes/origin/main ${wanted}`)
    expect(await git(workspace, 'fsck', '--connectivity-only', '--no-dangling')).toBe('')
  })
})

it('F127: 204, there is no bundle as nothing is newer, and nobody says a word', async () => {
  const { workspace, report, lines } = await restoreWith(isBundle, { status: 204 })
  expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'server' })
  expect(lines).toEqual([])
  await scene.expectCommit(workspace)
})

it('F127: a bundle of more refs than were asked for, none of which the clone gets', async () => {
  const { upstream, commits } = scene
  const names = [
    'refs/heads/evil',
    'refs/tags/evil',
    'refs/remotes/origin/x',
    `refs/replace/${commits.before}`,
  ]
  for (const name of names) await upstream.git('update-ref', name, commits.wanted)
  const body = await bundleOf(upstream.directory, 'main', ...names, `^${commits.snapshot}`)
  for (const name of names) await upstream.git('update-ref', '-d', name)
  const { workspace, report } = await restoreWith(isBundle, { body })
  expect(report.freshenedBy).toBe('bundle')
  await scene.expectCommit(workspace)
  const { wanted } = commits
  expect(await refsOf(workspace)).toBe(`refs/heads/main ${wanted}\nrefs/remotes/origin/main ${wanted}`)
})

interface Answer {
  readonly id: 'F129'
  readonly what: string
  readonly fault: Fault
  readonly by: 'server' | 'origin'
  readonly says?: RegExp
}

const json = (value: unknown): Fault => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
})
const noWord = /^no word from the server on [0-9a-f]{40}: /

const ANSWERS: readonly Answer[] = [
  ...[400, 401, 404, 500, 503].map(
    (status): Answer => ({
      id: 'F129',
      what: `${status} to ensure-refs`,
      fault: { status },
      by: 'server',
      says: noWord,
    }),
  ),
  {
    id: 'F129',
    what: 'no JSON from ensure-refs',
    fault: { body: '{"fetched": tr' },
    by: 'server',
    says: noWord,
  },
  { id: 'F129', what: 'other JSON from ensure-refs', fault: json(['yes']), by: 'server', says: noWord },
  { id: 'F129', what: 'a page from ensure-refs', fault: { body: page }, by: 'server', says: noWord },
  {
    id: 'F129',
    what: '10 MiB of JSON from ensure-refs',
    fault: json({ fetched: true, padding: 'x'.repeat(10 * 1024 ** 2) }),
    by: 'server',
    says: noWord,
  },
  { id: 'F129', what: 'a connection that breaks off', fault: { drop: 'reset' }, by: 'server', says: noWord },
]

describe('whatever ensure-refs says, the commit comes', () => {
  it.each(ANSWERS)('$id: $what', async ({ fault, by, says }) => {
    const noBundle: FaultScript = ({ path }) => (isBundle(path) ? { status: 204 } : undefined)
    const { workspace, report, lines } = await restoreWith(isEnsureRefs, fault, noBundle)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: by })
    if (says !== undefined) expect(lines).toContainEqual(expect.stringMatching(says))
    await scene.expectCommit(workspace)
  })

  it('F129: missing_commits, the next rung is taken at once', async () => {
    const noBundle: FaultScript = ({ path }) => (isBundle(path) ? { status: 204 } : undefined)
    scene.forge.snapshots.log.length = 0
    const missing = json({ refs: {}, missing_commits: [scene.commits.wanted], fetched: true })
    const { workspace, report } = await restoreWith(isEnsureRefs, missing, noBundle)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'origin' })
    expect(scene.forge.snapshots.log.filter(({ path }) => path.endsWith('/info/refs'))).toEqual([])
    await scene.expectCommit(workspace)
  })

  it('F129: silence of ensure-refs has an end', async () => {
    await scene.serve(scene.clone, ({ path }) =>
      isEnsureRefs(path) ? { hold: new Promise(() => {}) } : undefined,
    )
    const lines: string[] = []
    const { url } = scene.forge.snapshots
    const client = new HttpClient({
      env: {},
      secrets: { origin: url, headers: {} },
      connectTimeoutMs: 10_000,
      connections: 1,
    })
    onTestFinished(() => client.close())
    const outcome = await ensureRefs(new URL(`${url}/git/x/octo/project/ensure-refs`), scene.commits.wanted, {
      client,
      stall: { idleMs: 60_000, bytesPerSecond: 1 },
      limits: { ...SHORTCUT_LIMITS, timeoutMs: 50 },
      signal: new AbortController().signal,
      log: (line) => lines.push(line),
    })
    expect(outcome).toBe('unavailable')
    expect(lines).toEqual([expect.stringContaining('did not answer within 0.05 s')])
  })
})
