import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectRestored, launcher, printed, run } from './support/action-run.ts'
import { failing } from './support/failing-step.ts'
import { startProxy } from './support/forward-proxy.ts'
import { git } from './support/git-repo.ts'
import { type ObjectServer, startObjectServer } from './support/object-server.ts'
import { remainsIn, usedPlace } from './support/place.ts'
import type { LoggedRequest } from './support/scripted-server.ts'
import { restoring, useServedProject } from './support/served-project.ts'
import type { Snapshot } from './support/snapshot-repository.ts'
import { fileObject } from './support/stored-object.ts'
import { temporary } from './support/temporary.ts'
import { expectSameAsClone, listTree } from './support/working-copy.ts'

const project = useServedProject()

it('restores what git clone gives, in parallel ranges', async () => {
  const result = await run(restoring(project, { inputs: { 'chunk-size': '64KiB', concurrency: '4' } }))
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  expect(remainsIn(result.temp)).toEqual([])
  const [first, ...others] = project.server.log
  expect(first).toMatchObject({ range: 'bytes=0-65535', ifMatch: undefined })
  expect(others.length).toBeGreaterThan(20)
  expect(new Set(others.map(({ ifMatch }) => ifMatch))).toEqual(new Set([project.snapshot.etag]))
  expect(project.server.maxActive()).toBeLessThanOrEqual(4)
})

it('says in outputs and in one line what it did', async () => {
  const result = await run(restoring(project, { inputs: { 'chunk-size': '64KiB' } }))
  const { outputs } = result
  const { commit, etag, bytes } = project.snapshot
  expect(project.sentBytes()).toBe(bytes)
  expect(outputs).toMatchObject({
    outcome: 'restored',
    source: 'cachew',
    'snapshot-hit': 'true',
    'snapshot-commit': commit,
    commit,
    etag,
    bytes: String(bytes),
    requests: String(project.server.log.length),
    retries: '0',
  })
  for (const name of ['open-ms', 'restore-ms', 'settle-ms', 'total-ms'])
    expect(outputs[name]).toMatch(/^\d+$/)
  expect(outputs['megabytes-per-second']).toMatch(/^\d+\.\d$/)
  const line = new RegExp(
    `^Restored octo/project at ${commit.slice(0, 7)} from Cachew: \\d+ files, 3.0 MB in .*$`,
  )
  expect(printed(result).trim().split('\n').at(-1)).toMatch(line)
})

it('counts the files and bytes that it unpacked', async () => {
  const { outputs } = await run(restoring(project))
  const clone = join(temporary(), 'clone')
  await git(project.upstream.directory, 'clone', '--quiet', '.', clone)
  const files = listTree(clone).filter((line) => !/\/ \d+$/.test(line))
  const isUnpacked = (line: string) =>
    /^\.\/(?!\.git\/(?!HEAD |packed-refs |objects\/|refs\/|info\/exclude ))/.test(line)
  const unpacked = files.filter(isUnpacked)
  const sizes = unpacked.map((line) => Number(/ \d+ (\d+) [0-9a-f]{64}$/.exec(line)?.[1] ?? 0))
  expect(outputs).toMatchObject({
    files: String(unpacked.length),
    'unpacked-bytes': String(sizes.reduce((sum, size) => sum + size, 0)),
  })
})

it('restores from a cold server, whose answer has neither length nor ETag', async () => {
  project.server.evict('octo/project')
  const result = await run(restoring(project, { inputs: { 'chunk-size': '64KiB' } }))
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  expect(project.server.log).toHaveLength(1)
  expect(result.outputs).toMatchObject({
    etag: '',
    bytes: String(project.sentBytes()),
    requests: '1',
    commit: project.snapshot.commit,
  })
})

it('restores from a url, whose query no one gets to see', async () => {
  const url = `${project.server.url}${project.server.snapshotPath('octo/project')}?signature=abcdef123456`
  const result = await run(restoring(project, { inputs: { server: '', url } }))
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  expect(result.outputs.source).toBe('url')
  expect(result.masks).toEqual(['abcdef123456'])
  expect(project.server.log.map(({ query }) => query)).toEqual(['?signature=abcdef123456'])
  expect(printed(result)).toContain('from the URL')
  expect(printed(result)).not.toContain('abcdef123456')
})

it('finds a server below a path, and a repository on another GitHub server', async () => {
  const path = '/caches/one/git/github.corp.example:8443/octo/project/snapshot.tar.zst'
  const server = await serveFile(path)
  const result = await run(
    restoring(project, {
      inputs: { server: `${server.url}/caches/one` },
      github: { serverUrl: 'https://github.corp.example:8443' },
    }),
  )
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone, 'https://github.corp.example:8443/octo/project')
})

describe('credentials', () => {
  const secret = { authorization: 'Bearer t0psecret', headers: 'X-Token: k3ep-it\nX-Other: plain-text' }
  const seen = ({ log }: { log: readonly LoggedRequest[] }) =>
    log.map(({ headers }) => [headers.authorization, headers['x-token'], headers['x-other']])

  it('reach the snapshot server with every request, and the log never', async () => {
    const result = await run(restoring(project, { inputs: { 'chunk-size': '256KiB', ...secret } }))
    expectRestored(result)
    expect(project.server.log.length).toBeGreaterThan(2)
    const asGiven = ['Bearer t0psecret', 'k3ep-it', 'plain-text']
    expect(seen(project.server)).toEqual(project.server.log.map(() => asGiven))
    expect(result.masks).toEqual(expect.arrayContaining(['Bearer t0psecret', 't0psecret', 'k3ep-it']))
    for (const word of ['t0psecret', 'k3ep-it']) expect(printed(result)).not.toContain(word)
    expect(result.stdout.indexOf('::add-mask::')).toBe(0)
  })

  it('do not follow a redirect to another origin, and the download goes on there', async () => {
    const target = await serveFile('/elsewhere')
    const server = await startObjectServer({
      fault: () => ({ redirect: `${target.url}/elsewhere?signed=1` }),
    })
    onTestFinished(() => server.close())
    const result = await run(
      restoring(project, { inputs: { server: server.url, 'chunk-size': '256KiB', ...secret } }),
    )
    expectRestored(result)
    await expectSameAsClone(result.workspace, project.clone)
    expect(seen(server)).toEqual([['Bearer t0psecret', 'k3ep-it', 'plain-text']])
    expect(target.log.length).toBeGreaterThan(2)
    expect(seen(target)).toEqual(target.log.map(() => [undefined, undefined, undefined]))
    expect(result.outputs.requests).toBe(String(target.log.length + 1))
  })

  it('come from CACHEW_AUTHORIZATION where the server does', async () => {
    const env = { CACHEW_URL: project.server.url, CACHEW_AUTHORIZATION: 'Bearer fr0m-env' }
    const result = await run(restoring(project, { env, inputs: { server: '' } }))
    expectRestored(result)
    expect(seen(project.server)).toEqual([['Bearer fr0m-env', undefined, undefined]])
    expect(result.masks).toContain('fr0m-env')
  })
})

it('goes through the proxy that http_proxy names, and not past no_proxy', async () => {
  const proxy = await startProxy(project.server.url)
  const inputs = { server: 'http://snapshots.example' }
  const env = { http_proxy: `http://user:pa55word@${new URL(proxy.url).host}` }
  const result = await run(restoring(project, { inputs, env }))
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  expect(proxy.asked.length).toBeGreaterThan(0)
  for (const { host, authorization } of proxy.asked) {
    expect(host).toMatch(/^snapshots\.example(:80)?$/)
    expect(authorization).toBe(`Basic ${Buffer.from('user:pa55word').toString('base64')}`)
  }
  expect(result.masks).toContain('pa55word')
  expect(printed(result)).not.toContain('pa55word')

  const before = proxy.asked.length
  expectRestored(await run(restoring(project, { env: { ...env, no_proxy: '127.0.0.1' } })))
  expect(proxy.asked.length).toBe(before)
})

it('goes on where nobody reads what it prints', async () => {
  const entry = launcher(`const stdio = ['ignore', 'pipe', 'inherit']
    const child = spawn(process.execPath, [bundle], { stdio })
    child.stdout.destroy()`)
  const result = await run(restoring(project, { entry, inputs: { authorization: 'Bearer secret' } }))
  expectRestored(result)
  await expectSameAsClone(result.workspace, project.clone)
  expect(result.outputs.outcome).toBe('restored')
})

describe('F081: a snapshot that is replaced while it is downloaded', () => {
  const inputs = { 'chunk-size': '64KiB', concurrency: '2' }

  it('is begun again, and restored as it is now', async () => {
    let replaced: Promise<Snapshot> | undefined
    project.fault = ({ start }) => {
      if (start < 300_000) return undefined
      replaced ??= project.server.generate('octo/project')
      return { hold: replaced }
    }
    const result = await run(restoring(project, { inputs }))
    expectRestored(result)
    await expectSameAsClone(result.workspace, project.clone)
    expect(result.outputs.etag).toBe((await replaced)?.etag)
    expect(
      printed(result).match(/the snapshot was replaced .*; starting again with the new one/g),
    ).toHaveLength(1)
    expect(project.server.log.filter(({ range }) => range?.startsWith('bytes=0-'))).toHaveLength(2)
    expect(remainsIn(result.temp)).toEqual([])
  })

  it('is an error the second time', async () => {
    project.fault = ({ start }) => (start < 300_000 ? {} : { hold: project.server.generate('octo/project') })
    const { error } = await failing(usedPlace(), restoring(project, { inputs }))
    expect(error).toContain('the snapshot was replaced during the download')
    expect(project.server.log.filter(({ range }) => range?.startsWith('bytes=0-'))).toHaveLength(2)
  })
})

/** The project's archive on one path, with its ETag. */
async function serveFile(path: string): Promise<ObjectServer> {
  const { file, etag } = project.snapshot
  const server = await startObjectServer({ objects: { [path]: fileObject(file, etag) } })
  onTestFinished(() => server.close())
  return server
}
