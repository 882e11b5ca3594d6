import { describe, expect, it, onTestFinished } from 'vitest'
import type { Inputs } from '../src/inputs.ts'
import { startIdTokenServer } from './support/id-token-server.ts'
import { addresses, startMirror } from './support/mirror-server.ts'
import { Run } from './support/restore-run.ts'
import type { FaultScript } from './support/scripted-server.ts'
import { useServedProject } from './support/served-project.ts'
import { expectSameAsClone } from './support/working-copy.ts'

const project = useServedProject()

async function tokenServer(fault?: FaultScript) {
  const server = await startIdTokenServer(fault)
  onTestFinished(() => server.close())
  return server
}

/** A restore of a job that may have ID tokens. */
async function restoreWith(tokens: Awaited<ReturnType<typeof tokenServer>>, inputs: Partial<Inputs> = {}) {
  const run = new Run(project)
  const secrets: string[] = []
  const context = {
    env: { ...process.env, ...tokens.env },
    onSecret: (text: string) => secrets.push(text),
  }
  const report = await run.restore({ oidcAudience: 'cachew', retries: 0, ...inputs }, context)
  await expectSameAsClone(run.workspace, project.clone)
  return { run, report, secrets }
}

describe('an ID token', () => {
  it('is asked for once, masked, and lets every request in', async () => {
    const tokens = await tokenServer()
    project.fault = tokens.wanted
    const { secrets, run } = await restoreWith(tokens)
    expect(tokens.issued).toHaveLength(1)
    expect(secrets).toEqual(tokens.issued)
    expect(project.server.log.length).toBeGreaterThan(10)
    expect(project.server.log.every(({ status }) => status === 206)).toBe(true)
    expect(run.lines).toEqual([])
  })

  it('that expires while the snapshot comes is asked for again, once, and the same snapshot goes on', async () => {
    const tokens = await tokenServer()
    let refused = 0
    project.fault = ({ headers, start }) => {
      if (start < 1_000_000 || headers.authorization !== `Bearer ${tokens.issued[0]}`) return undefined
      refused += 1
      return { status: 401 }
    }
    const { report, secrets } = await restoreWith(tokens)
    expect(refused).toBeGreaterThan(0)
    expect(tokens.issued).toHaveLength(2)
    expect(secrets).toEqual(tokens.issued)
    expect(report.snapshot?.etag).toBe(project.snapshot.etag)
    expect(report.retries).toBe(0)
  })

  it('goes to each server of a list, and to none that a redirect leads to', async () => {
    const tokens = await tokenServer()
    const elsewhere = await startMirror(project)
    const first = await startMirror(project, () => ({ status: 404 }))
    const path = elsewhere.snapshotPath('octo/project')
    project.fault = () => ({ redirect: `${elsewhere.url}${path}` })
    await restoreWith(tokens, { servers: addresses(first, project.server) })
    const [authorization] = tokens.issued.map((token) => `Bearer ${token}`)
    expect(first.log[0]?.headers.authorization).toBe(authorization)
    expect(project.server.log[0]?.headers.authorization).toBe(authorization)
    expect(elsewhere.log.length).toBeGreaterThan(0)
    for (const { headers } of elsewhere.log) expect(headers).not.toHaveProperty('authorization')
  })

  it('that the server refuses, new as it is, ends in a refusal', async () => {
    const tokens = await tokenServer()
    project.fault = () => ({ status: 401 })
    const run = new Run(project)
    const context = { env: { ...process.env, ...tokens.env } }
    const error = await run.failing({ oidcAudience: 'cachew' }, context)
    expect(error).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(project.server.log).toHaveLength(2)
  })

  it('that cannot be had is told once, however many servers there are, none of which is asked', async () => {
    const second = await startMirror(project)
    const run = new Run(project)
    const error = await run.failing({
      oidcAudience: 'cachew',
      servers: addresses(project.server, second),
    })
    expect(error).toMatchObject({ code: 'NO_ID_TOKEN' })
    expect(String(error).match(/id-token: write/g)).toHaveLength(1)
    expect([...project.server.log, ...second.log]).toEqual([])
  })
})
