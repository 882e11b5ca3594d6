import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectRestored, printed, run } from './support/action-run.ts'
import { type TarEntry, tar, tarZst, zstdFrame } from './support/archive.ts'
import { freePort } from './support/child-server.ts'
import { never } from './support/deferred.ts'
import { type Failure, failing } from './support/failing-step.ts'
import { remainsIn, usedPlace } from './support/place.ts'
import type { RunOptions } from './support/runner.ts'
import { serveArchive } from './support/served-archive.ts'
import { MUCH_BYTES, restoring, startStalled, useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { expectSameAsClone, listTree } from './support/working-copy.ts'

const project = useServedProject()

const fail = (options: RunOptions = {}, exitCode = 1): Promise<Failure> =>
  failing(usedPlace(), restoring(project, options), exitCode)

/** What a step says that fails for want of a snapshot. */
function missed(why: string): string {
  return `No snapshot of octo/project was restored: ${why}. The step fails, since on-miss is fail`
}

describe('a step that fails leaves the workspace as it was, and one line of words', () => {
  const path = '/git/github.com/octo/project/snapshot.tar.zst'

  it('where there is no snapshot', async () => {
    project.fault = () => ({ status: 404, body: 'not found' })
    const { error } = await fail()
    const hint = 'check server, repository and github-server-url, or url'
    expect(error).toBe(missed(`${project.server.url}${path} answered 404; ${hint}`))
  })

  it.each([401, 403])('where the server answers %i', async (status) => {
    project.fault = () => ({ status, body: '::error::you' })
    const { error } = await fail({ inputs: { authorization: 'Bearer t0psecret' } })
    const hint = "check the input authorization (or CACHEW_AUTHORIZATION) and the server's policy"
    expect(error).toBe(missed(`${project.server.url}${path} answered ${status}; ${hint}`))
  })

  it('where nobody listens', async () => {
    const server = `http://127.0.0.1:${await freePort()}`
    const { error } = await fail({ inputs: { server } })
    expect(error).toMatch(
      new RegExp(
        `^No snapshot of octo/project was restored: request for ${server}${path} failed; .*ECONNREFUSED`,
      ),
    )
  })

  it('where the server has errors all the time, having been asked again', async () => {
    project.fault = () => ({ status: 503 })
    const { result, error } = await fail({ inputs: { retries: '2' } })
    expect(error).toBe(missed(`gave up after 3 attempts: ${project.server.url}${path} answered 503`))
    expect(project.server.log).toHaveLength(3)
    expect(printed(result).match(/answered 503; trying again (in \d\.\d s|at once)$/gm)).toHaveLength(2)
  })

  it('where a page comes instead of an archive', async () => {
    project.fault = () => ({ body: '<html>Sign in</html>', headers: { 'content-type': 'text/html' } })
    const { error } = await fail()
    expect(error).toContain('zstd')
  })

  it('where a bit of the archive is wrong', async () => {
    project.fault = ({ start }) => (start > 300_000 ? { flipAt: 1000 } : undefined)
    const { error } = await fail({ inputs: { 'chunk-size': '256KiB' } })
    expect(error).toMatch(/ restored: zstd frame \d+, at byte \d{6}, is damaged/)
  })

  it('where the archive ends too early', async () => {
    project.fault = () => ({ finAfter: 700_000 })
    const { error } = await fail()
    expect(error).toContain(`request for ${project.server.url}${path} failed`)
  })

  it('where the server announces another commit', async () => {
    const announced = 'a'.repeat(40)
    project.fault = () => ({ headers: { 'x-cachew-snapshot-commit': announced } })
    const { error } = await fail()
    expect(error).toContain(`HEAD is ${project.snapshot.commit}, but the server announced ${announced}`)
  })

  it.each<[string, TarEntry[], string]>([
    ['leads out of the tree', [{ name: './../../evil', body: 'x' }], 'the archive is refused'],
    ['has no repository in it', [{ name: './README.md', body: 'x' }], '.git was refused: there is none'],
  ])('where the archive %s', async (_, entries, words) => {
    const url = await serveArchive(await tarZst(entries))
    const { error } = await fail({ inputs: { server: '', url } })
    expect(error).toContain(words)
    expect(error).toContain(` (from ${url})`)
  })

  it.each<[string, Buffer, string]>([
    ['is a page', Buffer.from('<html>Sign in</html>'), 'what came begins with "<htm", which is no zstd file'],
    ['breaks off', zstdFrame(tar([])).subarray(0, 14), 'the zstd stream ends at byte 14'],
    ['has nothing in it', zstdFrame(Buffer.alloc(0)), 'the snapshot is empty'],
    ['is no archive', zstdFrame(Buffer.alloc(512, 'x')), 'tar'],
  ])('where what is at a url %s, and says which url', async (_, bytes, words) => {
    const url = await serveArchive(bytes)
    const { error } = await fail({ inputs: { server: '', url } })
    expect(error).toContain(words)
    expect(error).toContain(` (from ${url})`)
  })

  it('and shows neither a query nor a header', async () => {
    project.fault = () => ({ status: 500, body: 'internal' })
    const url = `${project.server.url}${path}?sig=s1gnature%2Fabc&expires=20991231`
    const { result, error } = await fail({
      inputs: { server: '', url, retries: '1', authorization: 'Bearer t0psecret', headers: 'X-Key: k3ep-it' },
    })
    expect(error).toBe(missed(`gave up after 2 attempts: ${project.server.url}${path} answered 500`))
    expect(project.server.log[0]?.query).toBe('?sig=s1gnature%2Fabc&expires=20991231')
    for (const secret of ['s1gnature', '20991231', 't0psecret', 'k3ep-it', '?sig']) {
      expect(printed(result)).not.toContain(secret)
    }
  })

  it('where git is not there', async () => {
    const { error } = await fail({ env: { PATH: temporary() } })
    expect(error).toContain('install git')
  })
})

describe('a bad input is refused before anything is asked or written:', () => {
  it.each([
    ['server', 'ftp://cache.example', 'Input server is "ftp://cache.example"'],
    ['server', 'http://user:t0psecret@cache.example', 'Input server is "http://***@cache.example"'],
    ['url', 'http://cache.example/a', 'Inputs server and url are both set'],
    ['repository', 'no-owner', 'Input repository is "no-owner"'],
    ['repository', 'octo/../..', 'Input repository is'],
    ['github-server-url', 'github.com', 'Input github-server-url is "github.com"'],
    ['path', '../outside', 'Input path is "../outside"'],
    ['authorization', 'Bearer a\nX-Other: t0psecret', 'Input authorization has a line break'],
    ['headers', 'Range: bytes=0-', 'Input headers has Range'],
    ['headers', 'no colon t0psecret', 'Input headers, line 1 is not a header'],
    ['concurrency', '0', 'Input concurrency is "0": a whole number from 1 to 64 is allowed'],
    ['chunk-size', '8MB', 'Input chunk-size is "8MB": 64 KiB to 128 MiB is allowed'],
    ['retries', '-1', 'Input retries is "-1"'],
    ['stall-timeout', 'soon', 'Input stall-timeout is "soon"'],
    ['timeout', '361', 'Input timeout is "361"'],
    ['on-miss', 'clone', 'Input on-miss is "clone"'],
  ])('%s "%s"', async (name, value, words) => {
    const { result, error } = await fail({ inputs: { [name]: value } })
    expect(error).toContain(words)
    expect(result.stdout).not.toContain('t0psecret')
    expect(project.server.log).toEqual([])
    expect(result.state).not.toHaveProperty('staging')
  })

  it('a path that a symlink leads out of the workspace', async () => {
    const place = usedPlace()
    symlinkSync(temporary(), join(place.workspace, 'away'))
    const { error } = await failing(place, restoring(project, { inputs: { path: 'away/tree' } }))
    expect(error).toContain('leads outside of the workspace')
    expect(project.server.log).toEqual([])
  })
})

describe('a cancelled job ends its step with exit code 130, and leaves nothing:', () => {
  it.each<[string, number]>([
    ['while the server has not answered', -1],
    ['while the first chunk stands still', 10_000],
    ['when much has been unpacked', MUCH_BYTES],
  ])('%s', async (_, after) => {
    project.fault = () => (after < 0 ? { hold: never } : { stallAfter: after })
    const cancel = new AbortController()
    const sent = () => (after < 0 ? project.server.log.length > 0 : project.sentBytes() >= after)
    const running = fail({ signal: cancel.signal }, 130)
    await project.server.until(sent)
    cancel.abort()
    const { error } = await running
    expect(error).toBe('cancelled by SIGINT')
    expect(project.server.log).toHaveLength(1)
  })

  it('while it waits to try again', async () => {
    project.fault = () => ({ status: 503, headers: { 'retry-after': '50' } })
    const cancel = new AbortController()
    const onOutput = (text: string) => {
      if (text.includes('trying again')) cancel.abort()
    }
    const { error } = await fail({ inputs: { retries: '5' }, signal: cancel.signal, onOutput }, 130)
    expect(error).toBe('cancelled by SIGINT')
  })
})

describe('the post step', () => {
  it('has nothing to do after a step that failed', async () => {
    project.fault = () => ({ status: 404 })
    const { result } = await fail()
    const after = listTree(result.workspace)
    expect(await result.runPost()).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    expect(listTree(result.workspace)).toEqual(after)
  })

  it('has nothing to do after a step that refused its inputs', async () => {
    const { result } = await fail({ inputs: { server: 'nowhere' } })
    expect(result.state).toEqual({ isPost: 'true' })
    expect(await result.runPost()).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
  })

  it('removes what a killed step has left, and the workspace is as it was', async () => {
    const place = usedPlace()
    const before = listTree(place.workspace)
    const { pid, ended } = await startStalled(project, place)
    process.kill(pid, 'SIGKILL')
    const result = await ended
    expect(result.exitCode).toBe(137)
    expect(remainsIn(place.temp)).toHaveLength(1)
    expect(listTree(place.workspace)).toEqual(before)
    expect(await result.runPost()).toMatchObject({ exitCode: 0 })
    expect(remainsIn(place.temp)).toEqual([])

    project.fault = undefined
    expectRestored(await run({ ...place, ...restoring(project) }))
    await expectSameAsClone(place.workspace, project.clone)
  })
})
