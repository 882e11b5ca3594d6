import { readdirSync, readFileSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expectRestored, printed } from './support/action-run.ts'
import { never } from './support/deferred.ts'
import { git } from './support/git-repo.ts'
import { basicCredential } from './support/github-server.ts'
import { REQUEST_TOKEN, startIdTokenServer } from './support/id-token-server.ts'
import { makePlace, type Place, remainsIn } from './support/place.ts'
import { skipWithout } from './support/programs.ts'
import { recordingGit } from './support/recording-git.ts'
import type { RunResult } from './support/runner.ts'
import { change, commitSubmodules, type Job, runJob, startSite, useSite } from './support/site.ts'
import { temporary } from './support/temporary.ts'

const site = useSite()

const server = { authorization: 'Bearer cachew-t0psecret', headers: 'X-Key: k3y-of-the-cache' }
const serverSecrets = ['cachew-t0psecret', 'k3y-of-the-cache']
const sshKey =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleS1saW5lLTE\n-----END OPENSSH PRIVATE KEY-----'

/** Every form in which a secret could lie around. */
function secrets(): string[] {
  const { token } = site.forge
  return [token, basicCredential(token), ...serverSecrets, 'c2VjcmV0LWtleS1saW5lLTE']
}

/** Which files below the directory hold one of the words; a name that is not UTF-8 is read as Latin-1. */
function filesWith(directory: string, words: readonly string[]): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true, encoding: 'latin1' })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const holding = files.filter((file) => {
    const content = readFileSync(Buffer.from(file, 'latin1'))
    return words.some((word) => content.includes(word))
  })
  return holding.map((file) => relative(directory, file)).sort()
}

/** Expects no secret in what the step printed, in its files for the runner, or in the workspace. */
function expectNoSecret(result: RunResult): void {
  const told = [
    printed(result),
    JSON.stringify([result.outputs, result.state, result.summary, result.annotations]),
  ]
  for (const secret of secrets()) for (const text of told) expect(text).not.toContain(secret)
  expect(filesWith(result.workspace, secrets())).toEqual([])
}

/** What a later step does. */
function fetchIn(directory: string): Promise<string> {
  return git(directory, 'fetch', '--quiet', 'origin')
}

/** A job that goes every way to the commit: snapshot, server, origin, submodules. */
async function fullJob(): Promise<Job> {
  const inner = await site.forge.makeRepository('octo/inner', { history: [change('inner.txt')] })
  const commit = await inner.git('rev-parse', 'main')
  const sha = await commitSubmodules(site.upstream, [{ path: 'inner', url: '../inner.git', commit }])
  site.forge.faults.snapshots = ({ path }) => (path.endsWith('.bundle') ? { status: 404 } : undefined)
  return { github: { sha }, inputs: { ...server, submodules: 'recursive', 'fetch-depth': '0' } }
}

describe('secrets', () => {
  it('are in no command line, log, output or workspace, and masked before anything is printed', async () => {
    const recorder = await recordingGit(temporary())
    const job = await fullJob()
    const result = await runJob(site, { ...job, env: { PATH: recorder.path } })
    expectRestored(result)
    expectNoSecret(result)
    const calls = await recorder.calls()
    expect(calls.length).toBeGreaterThan(5)
    const lines = calls.map((args) => args.join(' ')).join('\n')
    for (const secret of secrets()) expect(lines).not.toContain(secret)
    const { token } = site.forge
    expect(result.masks).toEqual(expect.arrayContaining([token, basicCredential(token), ...serverSecrets]))
    expect(result.stdout.indexOf('::add-mask::')).toBe(0)
    const post = await result.runPost()
    expectNoSecret(post)
  })

  it('go to the server that they are for, and to no other', async () => {
    const result = await runJob(site, await fullJob())
    expectRestored(result)
    const { github, snapshots, token } = site.forge
    const [toGithub, toSnapshots] = [github.log, snapshots.log].map((log) =>
      log.map(({ path, query, headers }) => JSON.stringify([path, query, headers])),
    )
    expect(toGithub?.length).toBeGreaterThan(0)
    expect(toSnapshots?.some((request) => request.includes('git-upload-pack'))).toBe(true)
    for (const request of toGithub ?? []) {
      expect(request).toContain(basicCredential(token))
      for (const secret of serverSecrets) expect(request).not.toContain(secret)
    }
    for (const request of toSnapshots ?? []) {
      for (const secret of serverSecrets) expect(request).toContain(secret)
      for (const secret of [token, basicCredential(token)]) expect(request).not.toContain(secret)
    }
  })

  it('are ID tokens as well: they let in at the snapshot server alone, for all that is asked there', async () => {
    const tokens = await startIdTokenServer()
    onTestFinished(() => tokens.close())
    const recorder = await recordingGit(temporary())
    const { authorization: _, ...headers } = server
    const { github: event, inputs } = await fullJob()
    const { faults, github, snapshots } = site.forge
    const others = faults.snapshots
    faults.snapshots = (request) => tokens.wanted(request) ?? others?.(request)
    const result = await runJob(site, {
      ...(event && { github: event }),
      inputs: { ...inputs, ...headers, authorization: '', 'oidc-audience': 'https://cachew.example' },
      env: { ...(tokens.env as Record<string, string>), PATH: recorder.path },
    })
    expectRestored(result)
    const [token = '', ...more] = tokens.issued
    expect(more).toEqual([])
    expect(result.masks).toEqual(expect.arrayContaining([token, REQUEST_TOKEN]))
    const calls = (await recorder.calls()).map((args) => args.join(' ')).join('\n')
    for (const secret of [token, REQUEST_TOKEN]) {
      expect(printed(result)).not.toContain(secret)
      expect(calls).not.toContain(secret)
      expect(filesWith(result.workspace, [secret])).toEqual([])
      expect(JSON.stringify(github.log)).not.toContain(secret)
    }
    expect(JSON.stringify(snapshots.log)).not.toContain(REQUEST_TOKEN)
    expect(snapshots.log.map(({ path }) => path).join(' ')).toMatch(/ensure-refs.*git-upload-pack/)
    expect(new Set(snapshots.log.map((request) => request.headers.authorization))).toEqual(
      new Set([`Bearer ${token}`]),
    )
  })

  it('that a job may not have send it to the origin, with a warning that says what to do', async () => {
    const inputs = { 'oidc-audience': 'https://cachew.example' }
    const result = await runJob(site, { github: { sha: site.tip }, inputs })
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'fetched' } })
    expect(result.annotations.filter(({ level }) => level !== 'debug')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('add "id-token: write" to the job') },
    ])
    expect(site.forge.snapshots.log).toEqual([])
  })

  it('that a job may not have leave the working copy of the job before to the origin', async () => {
    const place = makePlace()
    expectRestored(await runJob(site, { github: { sha: site.tip } }, place))
    const sha = await site.upstream.commit(change('newer'))
    site.forge.snapshots.log.length = 0
    const inputs = { 'oidc-audience': 'https://cachew.example' }
    const result = await runJob(site, { github: { sha }, inputs }, place)
    expect(result).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'reused', 'freshened-by': 'origin', commit: sha },
    })
    expect(site.forge.snapshots.log).toEqual([])
  })

  it('do not follow a redirect of the snapshot server', async () => {
    const elsewhere = await startSite()
    const { snapshots, faults } = site.forge
    const target = elsewhere.forge.snapshots
    const path = target.snapshotPath('octo/project', elsewhere.forge.github.host)
    faults.snapshots = (request) =>
      request.path.endsWith('/snapshot.tar.zst') ? { redirect: `${target.url}${path}` } : undefined
    const result = await runJob(site, { github: { sha: site.tip }, inputs: server })
    expectRestored(result)
    expect(snapshots.log.length).toBeGreaterThan(0)
    expect(target.log.length).toBeGreaterThan(0)
    const requests = JSON.stringify(target.log.map(({ headers }) => headers))
    for (const secret of secrets()) expect(requests).not.toContain(secret)
  })
})

describe('the token', () => {
  it('lets later steps in until the post step, from one file that only this user can read', async () => {
    const place = makePlace()
    const result = await runJob(site, { github: { sha: site.tip } }, place)
    expectRestored(result)
    const [name = '', ...others] = filesWith(place.temp, secrets())
    expect(others).toEqual([])
    expect(name).toMatch(/^git-credentials-[0-9a-f-]{36}\.config$/)
    expect((await lstat(join(place.temp, name))).mode & 0o777).toBe(0o600)
    await expect(fetchIn(place.workspace)).resolves.toBe('')
    await git(place.workspace, 'push', '--quiet', 'origin', 'HEAD:refs/heads/by-the-job')
    expect(await site.upstream.git('rev-parse', 'by-the-job')).toBe(site.tip)
    const post = await result.runPost()
    expect(post).toMatchObject({ exitCode: 0, stderr: '' })
    await expectGone(place)
    await expect(fetchIn(place.workspace)).rejects.toThrow(/could not read Username|terminal prompts/)
  })

  it('lets submodules in as well, and is taken from there too', async () => {
    const place = makePlace()
    const result = await runJob(site, await fullJob(), place)
    expectRestored(result)
    const submodule = join(place.workspace, 'inner')
    await expect(fetchIn(submodule)).resolves.toBe('')
    await result.runPost()
    await expectGone(place)
    expect(await git(submodule, 'config', '--local', '--list')).not.toMatch(/includeif|extraheader/i)
    await expect(fetchIn(submodule)).rejects.toThrow()
  })

  it('is gone after the step itself where persist-credentials is false', async () => {
    const place = makePlace()
    const job = { github: { sha: site.tip }, inputs: { 'persist-credentials': 'false' } }
    expectRestored(await runJob(site, job, place))
    await expectGone(place)
    await expect(fetchIn(place.workspace)).rejects.toThrow(/could not read Username|terminal prompts/)
  })

  it('is gone after the post step where the step failed', async () => {
    const place = makePlace()
    await site.upstream.git('tag', 'v1', 'main~1')
    const result = await runJob(site, { github: { ref: 'refs/tags/v1', sha: site.tip } }, place)
    expect(result.exitCode).toBe(1)
    expectNoSecret(result)
    await result.runPost()
    expect(filesWith(place.temp, secrets())).toEqual([])
  })

  it('is gone after the post step where the job was cancelled meanwhile', async () => {
    const place = makePlace()
    const cancel = new AbortController()
    site.forge.faults.github = () => ({ hold: never })
    const job = { github: { sha: site.tip }, inputs: { ref: 'main' } }
    const running = runJob(site, job, { ...place, signal: cancel.signal })
    await site.forge.github.until(() => site.forge.github.log.length > 0)
    cancel.abort()
    const result = await running
    expect(result.exitCode).toBe(130)
    expectNoSecret(result)
    await result.runPost()
    expect(remainsIn(place.temp)).toEqual([])
  })

  it('is not needed where the snapshot holds the commit', async () => {
    const result = await runJob(site, { github: { sha: site.tip }, inputs: { token: '' } })
    expectRestored(result)
    expect(result.outputs.commit).toBe(site.tip)
    expect(site.forge.github.log).toEqual([])
  })
})

it('an SSH key is in two files of the runner’s temporary directory until the post step, and nowhere else', async (context) => {
  skipWithout(context, 'ssh')
  const place = makePlace()
  const recorder = await recordingGit(temporary())
  const job = { github: { sha: site.tip }, inputs: { 'ssh-key': sshKey } }
  const result = await runJob(site, { ...job, env: { PATH: recorder.path } }, place)
  expectRestored(result)
  expectNoSecret(result)
  expect(result.masks).toContain('c2VjcmV0LWtleS1saW5lLTE')
  const [name = '', ...others] = filesWith(place.temp, ['c2VjcmV0LWtleS1saW5lLTE'])
  expect(others).toEqual([])
  expect((await lstat(join(place.temp, name))).mode & 0o777).toBe(0o600)
  expect(await git(place.workspace, 'config', '--local', 'core.sshCommand')).toContain(`$RUNNER_TEMP/${name}`)
  for (const args of await recorder.calls()) expect(args.join(' ')).not.toContain('c2VjcmV0')
  await result.runPost()
  await expectGone(place)
})

/** Expects nothing of the step in the temporary directory, and no way to it in git's settings. */
async function expectGone({ workspace, temp }: Place): Promise<void> {
  expect(remainsIn(temp)).toEqual([])
  const settings = await git(workspace, 'config', '--local', '--list')
  expect(settings).not.toMatch(/includeif|extraheader|sshcommand|insteadof/i)
}
