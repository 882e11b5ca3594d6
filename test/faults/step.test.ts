import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { errorsOf, expectRestored, printed, run } from '../support/action-run.ts'
import { type Certificate, selfSigned } from '../support/certificate.ts'
import { type Failure, failing } from '../support/failing-step.ts'
import type { Fault } from '../support/fault.ts'
import { remainsIn, usedPlace } from '../support/place.ts'
import { findProgram } from '../support/programs.ts'
import type { RunOptions } from '../support/runner.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { startSite } from '../support/site.ts'
import { temporary } from '../support/temporary.ts'
import { expectSameAsClone } from '../support/working-copy.ts'
import { PROXY_CREDENTIALS } from './fixture.ts'
import { startRelay } from './relay.ts'

/** The step from its source: these tests need no build. */
const entry = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

const project = useServedProject()

function step(options: RunOptions = {}): RunOptions {
  return restoring(project, { entry, ...options, inputs: { 'chunk-size': '256KiB', ...options.inputs } })
}

const fail = (options: RunOptions = {}): Promise<Failure> => failing(usedPlace(), step(options))

/** An answer that ends where its connection does, as HTTP/1.0 servers send them. */
const untilClosed = (archive: Buffer, bytes: number): Fault => ({
  raw: Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), archive.subarray(0, bytes)]),
})

describe('a step', () => {
  it('F023: restores what comes in chunks of no announced length', async () => {
    project.fault = () => ({ ignoreRange: true, chunked: true, etag: null })
    const result = await run(step())
    expectRestored(result)
    await expectSameAsClone(result.workspace, project.clone)
    expect(result.outputs).toMatchObject({ requests: '1', bytes: String(project.snapshot.bytes) })
  })

  it('F023: restores what ends where its connection ends', async () => {
    const archive = readFileSync(project.snapshot.file)
    project.fault = () => untilClosed(archive, archive.length)
    const result = await run(step())
    expectRestored(result)
    await expectSameAsClone(result.workspace, project.clone)
  })

  it('F024: fails where the connection ends at half of it', async () => {
    const archive = readFileSync(project.snapshot.file)
    project.fault = () => untilClosed(archive, archive.length / 2)
    const { error } = await fail()
    expect(error).toMatch(/ends|end of/)
  })

  it('F024: fails where the connection is reset at half of it', async () => {
    project.fault = () => ({ ignoreRange: true, chunked: true, etag: null, resetAfter: 1_500_000 })
    const { error } = await fail()
    expect(error).toContain('without a strong ETag it cannot be resumed')
  })

  it.each<[string, Fault]>([
    ['F033', { status: 416, headers: { 'content-range': 'bytes */0' } }],
    ['F035', { status: 200, body: '' }],
  ])('%s: fails where the snapshot is empty, and says that', async (_, fault) => {
    project.fault = () => fault
    const { error } = await fail()
    const place = `${project.server.url}${project.server.snapshotPath('octo/project')}`
    expect(error).toContain(` restored: the snapshot is empty (from ${place}). The step fails`)
  })

  it('F047: is not let in, and shows nothing of the page that says so', async () => {
    project.fault = () => ({ status: 403, body: '::error::owned\r\n##[add-path]/tmp\u001b[31m' })
    const { result, error } = await fail({ inputs: { authorization: 'Bearer t0p-s3cret' } })
    expect(error).toContain('answered 403; check the input authorization')
    expect(result.stdout).not.toMatch(/owned|add-path/)
    expect(printed(result)).not.toContain('s3cret')
  })

  it('F048: finds no snapshot, where one is a must', async () => {
    project.fault = () => ({ status: 404 })
    const { error } = await fail()
    expect(error).toContain('answered 404; check server, repository and github-server-url')
  })

  it('F056: is sent a page instead of a snapshot', async () => {
    project.fault = () => ({ body: '<html>Sign in</html>', headers: { 'content-type': 'text/html' } })
    const { error } = await fail()
    expect(error).toContain(
      'what came begins with "<htm", which is no zstd file, but perhaps the page of a login',
    )
  })

  it('F018: shows the credentials of no proxy', async () => {
    const proxy = `http://${PROXY_CREDENTIALS}@127.0.0.1:1`
    const env = { http_proxy: proxy, https_proxy: proxy }
    const { result } = await fail({ env, inputs: { server: 'http://snapshots.test', retries: '1' } })
    expect(printed(result)).toContain('trying again')
    expect(printed(result)).not.toMatch(/pr0xy|runner:/)
  })
})

it('F048: a job gets its commit by a plain fetch where there is no snapshot', async () => {
  const site = await startSite()
  site.forge.faults.snapshots = () => ({ status: 404 })
  const result = await run({
    entry,
    inputs: { server: site.forge.snapshots.url },
    github: site.forge.job(site.upstream, { sha: site.tip }),
  })
  expect({ exitCode: result.exitCode, errors: errorsOf(result) }).toEqual({ exitCode: 0, errors: [] })
  expect(result.outputs).toMatchObject({ outcome: 'fetched', 'snapshot-hit': 'false', commit: site.tip })
})

describe.skipIf(findProgram('openssl') === undefined)(
  'a snapshot server with a private authority (needs openssl)',
  () => {
    let certificate: Certificate

    beforeAll(async () => {
      certificate = await selfSigned('localhost')
    })

    async function serveTls(url: string): Promise<string> {
      const { port } = await startRelay(url, { certificate, protocols: ['http/1.1'] })
      return `https://localhost:${port}`
    }

    function authorityFile(): string {
      const file = join(temporary(), 'authority.pem')
      writeFileSync(file, certificate.cert)
      return file
    }

    it('F009: is refused at once, and the words tell which variable helps', async () => {
      const server = await serveTls(project.server.url)
      const { error } = await fail({ inputs: { server, retries: '5' } })
      expect(error).toContain(`no trusted TLS connection to ${new URL(server).host}`)
      expect(error).toContain('set NODE_EXTRA_CA_CERTS to its certificate')
      expect(project.server.log).toEqual([])
    })

    it('F010: is not trusted because something else is: there is no way around', async () => {
      const server = await serveTls(project.server.url)
      const env = { NODE_EXTRA_CA_CERTS: '/nowhere.pem', GIT_SSL_NO_VERIFY: '1' }
      const result = await run(step({ env, inputs: { server } }))
      expect(result.exitCode).toBe(1)
      expect(errorsOf(result)).toEqual([expect.stringContaining('no trusted TLS connection')])
      expect(project.server.log).toEqual([])
    })

    it('F011: is trusted by NODE_EXTRA_CA_CERTS', async () => {
      const env = { NODE_EXTRA_CA_CERTS: authorityFile() }
      const result = await run(step({ env, inputs: { server: await serveTls(project.server.url) } }))
      expectRestored(result)
      await expectSameAsClone(result.workspace, project.clone)
    })

    it('F011: is trusted by git too, and nothing of that is left', async () => {
      const site = await startSite()
      const sha = await site.upstream.commit([{ path: 'newer.txt', content: 'newer' }])
      const server = await serveTls(site.forge.snapshots.url)
      site.forge.faults.snapshots = ({ path }) =>
        path.endsWith('/snapshot.bundle') ? { status: 404 } : undefined
      const result = await run({
        entry,
        env: { NODE_EXTRA_CA_CERTS: authorityFile() },
        inputs: { server, 'persist-credentials': 'false' },
        github: site.forge.job(site.upstream, { sha }),
      })
      expect({ exitCode: result.exitCode, errors: errorsOf(result) }).toEqual({ exitCode: 0, errors: [] })
      expect(result.outputs).toMatchObject({ outcome: 'restored', 'freshened-by': 'server', commit: sha })
      expect(remainsIn(result.temp)).toEqual([])
    })
  },
)
