import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { blackHole } from './faults/black-hole.ts'
import { nameServer } from './faults/names.ts'
import { startRelay } from './faults/relay.ts'
import { selfSigned } from './support/certificate.ts'
import { freePort } from './support/child-server.ts'
import { deferred, never } from './support/deferred.ts'
import type { Fault } from './support/fault.ts'
import { listen } from './support/listening.ts'
import { addresses, startMirror } from './support/mirror-server.ts'
import { startNginx } from './support/nginx.ts'
import { findProgram } from './support/programs.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

/** A restore that comes to its end; what the project's own server was asked for. */
async function restored(...[inputs, context]: Parameters<Run['restore']>) {
  const run = new Run(project)
  const report = await run.restore(inputs, context)
  await expectSameAsClone(run.workspace, project.clone)
  return { run, report, log: run.lines.join('\n') }
}

const host = (address: string) => new URL(address).host

async function answering(fault: Fault): Promise<string> {
  return `${(await startMirror(project, () => fault)).url}/`
}

/** First mirrors that are of no use, and what the log says of each before the next one is asked. */
const DEAD: Readonly<Record<string, readonly [start: () => Promise<string>, words: RegExp]>> = {
  'has nobody who listens': [async () => `http://127.0.0.1:${await freePort()}/`, /ECONNREFUSED.*meanwhile/s],
  'has a name that is not found': [
    async () => {
      nameServer({ 'snapshots.test': 'ENOTFOUND' })
      return 'http://snapshots.test/'
    },
    /check the name snapshots\.test/,
  ],
  'answers no connection attempt': [
    async () => `http://127.0.0.1:${await blackHole()}/`,
    /has not answered within 2 s; meanwhile asking/,
  ],
  'lets connect and says nothing': [
    async () => `http://127.0.0.1:${await listen(createServer())}/`,
    /has not answered within 2 s; meanwhile asking/,
  ],
  'has an error of its own': [() => answering({ status: 503 }), /answered 503/],
  'lacks the repository': [() => answering({ status: 404 }), /answered 404.*; asking http/],
  'wants to know who asks': [() => answering({ status: 401 }), /answered 401.*; asking http/],
  refuses: [() => answering({ status: 403 }), /answered 403.*; asking http/],
  'speaks no HTTP': [() => answering({ raw: 'garbage\r\n\r\n' }), /does not answer in valid HTTP/],
  'redirects in a circle': [() => answering({ redirect: '/x' }), /redirects for more than 5 times/],
  'answers with a page': [
    () => answering({ body: '<html>log in</html>' }),
    /; starting again with the snapshot of http/,
  ],
  'hangs up midway, time and again': [
    () => answering({ finAfter: 100 }),
    /; starting again with the snapshot of http/,
  ],
  'is damaged': [() => answering({ flipAt: 5000 }), /; starting again with the snapshot of http/],
  'is behind a proxy that refuses midway': [
    async () =>
      `${(await startMirror(project, ({ start }) => (start > 0 ? { status: 407 } : undefined))).url}/`,
    /answered 407; the proxy wants credentials.*; starting again with the snapshot of http/,
  ],
}

describe('where the first of two servers', () => {
  it.each(Object.entries(DEAD))('%s, the second one is restored from', async (_, [start, words]) => {
    const dead = await start()
    const { report, log } = await restored({ servers: addresses(dead, project.server), retries: 1 })
    expect(report.snapshot).toMatchObject({
      source: 'cachew',
      host: host(project.server.url),
      etag: project.snapshot.etag,
    })
    expect(log).toMatch(words)
  })

  it.skipIf(findProgram('nginx') === undefined)(
    'is nginx before nobody, the second one is restored from',
    async () => {
      const nginx = await startNginx({ root: new URL(`http://127.0.0.1:${await freePort()}`) })
      onTestFinished(() => nginx?.close())
      const { report, log } = await restored({ servers: addresses(`${nginx?.url}/`, project.server) })
      expect(report.snapshot?.host).toBe(host(project.server.url))
      expect(log).toContain('answered 502')
    },
  )

  it.skipIf(findProgram('openssl') === undefined)(
    'has a bad certificate, the second one is restored from',
    async () => {
      const relay = await startRelay(project.server.url, { certificate: await selfSigned('other.test') })
      nameServer({ 'snapshots.test': ['127.0.0.1'] })
      const servers = addresses(`https://snapshots.test:${relay.port}/`, project.server)
      const { report, log } = await restored({ servers })
      expect(report.snapshot?.host).toBe(host(project.server.url))
      expect(log).toContain('no trusted TLS connection to snapshots.test')
    },
  )

  it('answers well, the second one is never asked', async () => {
    const second = await startMirror(project)
    const { report, run } = await restored({ servers: addresses(project.server, second) })
    expect(report.snapshot?.host).toBe(host(project.server.url))
    expect(second.log).toEqual([])
    expect(run.lines).toEqual([])
  })

  it('is slow, it is let go of once the second has answered', async () => {
    const slow = await startMirror(project, () => ({ hold: never }))
    await restored({ servers: addresses(slow, project.server) })
    await slow.until(() => slow.active() === 0)
    expect(slow.log).toMatchObject([{ state: 'aborted', status: 0 }])
  })

  it('is slow and the second has nothing, the first is waited for', async () => {
    const ready = deferred()
    const first = await startMirror(project, ({ index }) =>
      index === 0 ? { hold: ready.promise } : undefined,
    )
    const second = await startMirror(project, () => {
      ready.resolve()
      return { status: 404 }
    })
    const { report } = await restored({ servers: addresses(first, second) })
    expect(report.snapshot?.host).toBe(host(first.url))
    expect(second.log).toHaveLength(1)
  })
})

describe('the server that has answered', () => {
  it('is asked for all that follows', async () => {
    const dead = await startMirror(project, () => ({ status: 404 }))
    const commit = await project.upstream.commit([{ path: 'newer', content: 'newer' }])
    onTestFinished(async () => {
      await project.upstream.git('update-ref', 'refs/heads/main', project.snapshot.commit)
    })
    const run = new Run(project, commit)
    const report = await run.restore({ servers: addresses(dead, project.server) })
    expect(report).toMatchObject({ commit, freshenedBy: 'bundle' })
    expect(dead.log).toHaveLength(1)
    expect(project.server.log.map(({ path }) => path.split('/').at(-1))).toEqual(
      expect.arrayContaining(['snapshot.bundle', 'ensure-refs']),
    )
  })

  it('is the first to be asked again where its snapshot was replaced', async () => {
    const dead = await startMirror(project, () => ({ status: 404 }))
    let replaced: Promise<unknown> | undefined
    const server = await startMirror(project, ({ start }) => {
      if (start === 0) return undefined
      replaced ??= server.generate('octo/project')
      return { hold: replaced }
    })
    const { report, log } = await restored({ servers: addresses(dead, server) })
    expect(log).toContain('starting again with the new one')
    expect(report.snapshot?.host).toBe(host(server.url))
    expect(dead.log).toHaveLength(1)
  })

  it('is given up once, for the next one that has not failed', async () => {
    const [lacking, first, second] = [
      await startMirror(project, () => ({ status: 404 })),
      await startMirror(project, () => ({ flipAt: 5000 })),
      await startMirror(project, () => ({ body: 'no snapshot' })),
    ]
    const run = new Run(project)
    const error = await run.failing({
      servers: addresses(lacking, first, second, project.server),
      retries: 0,
    })
    expect(error).toMatchObject({ code: 'NOT_ZSTD' })
    expect(String(error)).toContain(host(second.url))
    expect(lacking.log).toHaveLength(1)
    expect(project.server.log).toEqual([])
  })
})

describe('where all servers fail', () => {
  it('the error tells what was wrong with each, in their order, and of what kind', async () => {
    const [busy, lacking] = [await answering({ status: 503 }), await answering({ status: 404 })]
    const nobody = `http://127.0.0.1:${await freePort()}/`
    const servers = addresses(lacking, busy, nobody)
    const error = await new Run(project).failing({ servers, retries: 0 })
    expect(error).toMatchObject({ code: 'SERVER_ERROR' })
    expect(String(error)).toMatch(
      new RegExp(
        `none of 3 servers gave a snapshot: \\(1\\) ${lacking}.* answered 404.*; ` +
          `\\(2\\) ${busy}.* answered 503; \\(3\\) request for ${nobody}.* failed; .*ECONNREFUSED`,
      ),
    )
  })

  it('none has the snapshot only where each says so', async () => {
    const servers = addresses(await answering({ status: 404 }), await answering({ status: 410 }))
    expect(await new Run(project).failing({ servers })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('the error fits into an annotation, however many there are', async () => {
    const long = `http://127.0.0.1:${await freePort()}/${'x'.repeat(500)}`
    const servers = addresses(...Array.from({ length: 8 }, (_, index) => `${long}${index}/`))
    const error = await new Run(project).failing({ servers, retries: 0 })
    expect(String(error)).toContain('(8) request for http://127.0.0.1')
    expect(String(error).length).toBeLessThan(1000)
  })
})

describe('what a server is told in secret', () => {
  const authorization = 'Bearer t0psecret'
  const told = ({
    log,
  }: {
    readonly log: readonly { readonly headers: Readonly<Record<string, string>> }[]
  }) => new Set(log.map(({ headers }) => headers.authorization))

  it('every server of the list is told, and none that a redirect leads to', async () => {
    const elsewhere = await startMirror(project)
    const first = await startMirror(project, () => ({ status: 403 }))
    const path = elsewhere.snapshotPath('octo/project')
    const second = await startMirror(project, () => ({ redirect: `${elsewhere.url}${path}` }))
    await restored({ servers: addresses(first, second), authorization })
    expect([told(first), told(second), told(elsewhere)]).toEqual([
      new Set([authorization]),
      new Set([authorization]),
      new Set([undefined]),
    ])
  })

  it('no server of a list is told that a redirect of another one leads to', async () => {
    const second = await startMirror(project)
    const path = second.snapshotPath('octo/project')
    const first = await startMirror(project, () => ({ redirect: `${second.url}${path}` }))
    await restored({ servers: addresses(first, second), authorization })
    expect([told(first), told(second)]).toEqual([new Set([authorization]), new Set([undefined])])
  })

  it('an http server is not told where the list has an https one', async () => {
    const secure = `https://127.0.0.1:${await freePort()}/`
    const headers = [['X-Key', 'k3y-t0psecret']] as const
    await restored({ servers: addresses(secure, project.server), authorization, headers })
    expect(told(project.server)).toEqual(new Set([undefined]))
    expect(project.server.log.map((request) => request.headers['x-key'])).not.toContain('k3y-t0psecret')
  })
})

describe('a working copy that is used again', () => {
  /** A workspace with an older commit, and a restore of the newest into it. */
  async function restoredAgain(servers: readonly URL[]) {
    const run = new Run(project)
    await run.restore()
    const commit = await project.upstream.commit([{ path: 'newer', content: 'newer' }])
    onTestFinished(async () => {
      await project.upstream.git('update-ref', 'refs/heads/main', project.snapshot.commit)
    })
    project.server.log.length = 0
    const again = new Run(project, commit)
    return { lines: again.lines, report: await again.restore({ servers, ...inputsOfWorkspace(run) }) }
  }

  it.each([
    ['refuses', () => ({ status: 403 })],
    ['says nothing', () => ({ hold: never })],
  ] as const)('gets what it lacks from the second server where the first one %s', async (_, fault) => {
    const dead = await startMirror(project, fault)
    const { report } = await restoredAgain(addresses(dead, project.server))
    expect(report).toMatchObject({ outcome: 'reused', freshenedBy: 'bundle' })
    expect(dead.log.map(({ path }) => path.split('/').at(-1))).toEqual(['ensure-refs'])
  })
})

function inputsOfWorkspace({ workspace }: Run) {
  return { workspace, destination: workspace }
}
