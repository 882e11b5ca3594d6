import { mkdir, readFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ensureRefs, SHORTCUT_LIMITS } from '../../src/snapshot/shortcut.ts'
import { never } from '../support/deferred.ts'
import type { Fault } from '../support/fault.ts'
import { git, gitBytes } from '../support/git-repo.ts'
import { clientTo } from '../support/http-client.ts'
import type { FaultScript } from '../support/scripted-server.ts'
import { useScene } from './scene.ts'

const scene = useScene()

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

/** With two commits of its own. */
async function otherRepository(): Promise<string> {
  const directory = scene.place('other')
  await mkdir(directory)
  await git(directory, 'init', '--quiet', '--initial-branch=main')
  for (const message of ['Other', 'Second']) {
    await git(directory, 'commit', '--quiet', '--allow-empty', `--message=${message}`)
  }
  return directory
}

const page = '<html>Please sign in</html>'
const fromServer = /^no bundle from the server: /
const fromGit = /^git bundle failed .*; going on without it$/
const fromConnectivity = /^git rev-list failed .*; going on without it$/

describe('without the bundle the commit comes from the server, no ref of it stays, and the log says why', () => {
  it.each<[string, RegExp, Fault | (() => Promise<Buffer>)]>([
    ['a bundle answered 404', fromServer, { status: 404 }],
    ['a bundle answered 500', fromServer, { status: 500 }],
    ['a bundle of 0 bytes', fromServer, { body: '' }],
    ['a page of HTML in the place of a bundle', fromServer, { body: page }],
    ['a connection that breaks off in the bundle', fromServer, { resetAfter: 60 }],
    [
      'a truncated bundle, with the length of what is left',
      fromGit,
      async () => (await good()).subarray(0, -30),
    ],
    ['a bundle that ends after its head', fromGit, { body: '# v2 git bundle\n' }],
    ['a bundle with one bit flipped in its pack', fromGit, { flipAt: 220 }],
    [
      'a bundle whose prerequisite is missing',
      fromGit,
      async () => bundleOf(await otherRepository(), 'main', '^main~1'),
    ],
    [
      'a bundle that has the commit without its files',
      fromConnectivity,
      async () => packed(await withoutFiles()),
    ],
    [
      'a bundle that leaves out files by a filter',
      /^git (rev-list|bundle) failed .*; going on without it$/,
      async () => packed(await withoutFiles(), '# v3 git bundle\n@filter=blob:none\n'),
    ],
    [
      'a bundle of a capability that nobody knows',
      fromGit,
      async () => packed(await withoutFiles(), '# v3 git bundle\n@sign=x\n'),
    ],
  ])('F127: %s', async (_, says, bundle) => {
    const fault = typeof bundle === 'function' ? { body: await bundle() } : bundle
    const { workspace, report, lines, warnings } = await restoreWith(isBundle, fault)
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

it("F127: a bundle of another repository's, which has not the commit, and nobody says a word", async () => {
  const body = await bundleOf(await otherRepository(), 'main')
  const { workspace, report, lines } = await restoreWith(isBundle, { body })
  expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'server' })
  expect(lines).toEqual([])
  await scene.expectCommit(workspace)
  const { wanted } = scene.commits
  expect(await refsOf(workspace)).toBe(`refs/heads/main ${wanted}\nrefs/remotes/origin/main ${wanted}`)
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

const json = (value: unknown): Fault => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
})

describe('whatever ensure-refs says, the commit comes', () => {
  const noBundle: FaultScript = ({ path }) => (isBundle(path) ? { status: 204 } : undefined)

  it.each<[string, Fault]>([
    ...[400, 401, 404, 500, 503].map((status): [string, Fault] => [`${status} to ensure-refs`, { status }]),
    ['no JSON from ensure-refs', { body: '{"fetched": tr' }],
    ['other JSON from ensure-refs', json(['yes'])],
    ['a page from ensure-refs', { body: page }],
    ['10 MiB of JSON from ensure-refs', json({ fetched: true, padding: 'x'.repeat(10 * 1024 ** 2) })],
    ['a connection that breaks off', { drop: 'reset' }],
  ])('F129: %s', async (_, fault) => {
    const { workspace, report, lines } = await restoreWith(isEnsureRefs, fault, noBundle)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'server' })
    const noWord = expect.stringMatching(/^no word from the server on [0-9a-f]{40}: /)
    expect(lines).toContainEqual(noWord)
    await scene.expectCommit(workspace)
  })

  it('F129: missing_commits, the next rung is taken at once', async () => {
    scene.forge.snapshots.log.length = 0
    const missing = json({ refs: {}, missing_commits: [scene.commits.wanted], fetched: true })
    const { workspace, report } = await restoreWith(isEnsureRefs, missing, noBundle)
    expect(report).toMatchObject({ outcome: 'restored', freshenedBy: 'origin' })
    expect(scene.forge.snapshots.log.filter(({ path }) => path.endsWith('/info/refs'))).toEqual([])
    await scene.expectCommit(workspace)
  })

  it('F129: silence of ensure-refs has an end', async () => {
    await scene.serve(scene.clone, ({ path }) => (isEnsureRefs(path) ? { hold: never } : undefined))
    const lines: string[] = []
    const { url } = scene.forge.snapshots
    const client = clientTo(url)
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
