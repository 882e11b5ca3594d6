import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from './support/child-server.ts'
import { startIdTokenServer } from './support/id-token-server.ts'
import { startMirror } from './support/mirror-server.ts'
import type { ScriptedServer } from './support/scripted-server.ts'
import { useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { failedWarmStep, warmStep } from './warm-step.ts'

const project = useServedProject()

function asked({ log }: ScriptedServer): readonly string[] {
  return log.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)
}

function warming(servers: readonly string[], inputs: Readonly<Record<string, string>> = {}) {
  return { inputs: { server: servers.join('\n'), retries: '0', ...inputs }, sha: project.snapshot.commit }
}

describe('warming several servers', () => {
  it('makes each have the snapshot and the commit, and tells of the first', async () => {
    const cold = await startMirror(project)
    cold.evict('octo/project')
    const { outputs, lines } = await warmStep(warming([project.server.url, cold.url]))
    expect(outputs).toMatchObject({ found: 'true', etag: project.snapshot.etag, ensured: 'true' })
    expect(asked(project.server)).toEqual(['GET snapshot.tar.zst', 'POST ensure-refs'])
    expect(asked(cold)).toEqual(['GET snapshot.tar.zst', 'GET snapshot.tar.zst', 'POST ensure-refs'])
    expect(cold.log[0]).toMatchObject({ status: 200, state: 'complete' })
    expect(lines).toEqual([])
  })

  it('tells of the second where the first fails or has none, with a warning, and keeps what that has', async () => {
    const lacking = await startMirror(project, ({ path }) =>
      path.endsWith('.zst') ? { status: 404 } : undefined,
    )
    const nobody = `http://127.0.0.1:${await freePort()}`
    const store = temporary()
    const { outputs, lines } = await warmStep(warming([nobody, lacking.url, project.server.url], { store }))
    expect(outputs).toMatchObject({ found: 'true', etag: project.snapshot.etag, kept: 'true' })
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^jobs to come have one server less: .*${nobody}.* failed`)),
      expect.stringMatching(new RegExp(`^jobs to come have one server less: ${lacking.url}.* answered 404`)),
    ])
    expect(asked(lacking)).toContain('POST ensure-refs')
  })

  it('finds none where each says that it has none', async () => {
    const fault = () => ({ status: 404 })
    const servers = [await startMirror(project, fault), await startMirror(project, fault)]
    const { outputs, line } = await warmStep(warming(servers.map(({ url }) => url)))
    expect(outputs).toMatchObject({ found: 'false', source: 'cachew' })
    for (const { url } of servers) expect(line).toContain(`${url}/git/`)
  })

  it('fails where none has it and one of them failed, which tells of each', async () => {
    const lacking = await startMirror(project, () => ({ status: 404 }))
    const busy = await startMirror(project, () => ({ status: 503 }))
    const { code, words } = await failedWarmStep(warming([lacking.url, busy.url]))
    expect(code).toBe('SERVER_ERROR')
    expect(words).toMatch(
      /none of 2 servers gave a snapshot: \(1\) .* answered 404.*; \(2\) .* answered 503$/,
    )
  })
})

describe('warming with an ID token', () => {
  it('sends one token to all servers, and masks it', async () => {
    const tokens = await startIdTokenServer()
    onTestFinished(() => tokens.close())
    const second = await startMirror(project, tokens.wanted)
    project.fault = tokens.wanted
    const step = warming([project.server.url, second.url], { 'oidc-audience': 'cachew' })
    const { outputs, secrets } = await warmStep({ ...step, env: tokens.env })
    expect(outputs).toMatchObject({ found: 'true', ensured: 'true' })
    expect(secrets).toEqual(tokens.issued)
    expect(tokens.issued).toHaveLength(1)
    expect([...asked(project.server), ...asked(second)]).toHaveLength(4)
  })

  it('fails, with what to do, where the job may not have one', async () => {
    const { code, words } = await failedWarmStep(warming([project.server.url], { 'oidc-audience': 'cachew' }))
    expect(code).toBe('NO_ID_TOKEN')
    expect(words).toContain('add "id-token: write"')
    expect(project.server.log).toEqual([])
  })
})
