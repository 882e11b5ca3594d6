import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { toolCacheIn } from './store/tool-cache.ts'
import { never } from './support/deferred.ts'
import { startMirror } from './support/mirror-server.ts'
import { startObjectServer } from './support/object-server.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'
import { expectSameAsClone } from './support/working-copy.ts'
import { failedWarmStep, type WarmChanges, warmStep } from './warm-step.ts'

const project = useServedProject()

/** A step on the machine with this store, as its workflow says it. */
function warming(store: string, inputs: WarmChanges['inputs'] = {}): WarmChanges {
  const said = { server: project.server.url, store, 'chunk-size': '128KiB', retries: '0' }
  return { inputs: { ...said, ...inputs }, sha: project.snapshot.commit }
}

/** What the server was asked for of the snapshot since the log was last emptied. */
function asked() {
  return project.server.log
    .filter(({ path }) => path.endsWith('.zst'))
    .map(({ status, range }) => ({ status, range }))
}

/** A restore by the machine's next job, and what it asked for. */
async function restored(directory: string) {
  const run = new Run(project)
  project.server.log.length = 0
  const store = { directory, maxAgeMs: 0, maxBytes: 1024 ** 3 }
  const report = await run.restore({ store }, { toolCache: async (place) => toolCacheIn(place) })
  await expectSameAsClone(run.workspace, project.clone)
  return { source: report.snapshot?.source, asked: asked() }
}

function filesIn(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

const LOOK = { status: 206, range: 'bytes=0-65535' }
const RESTORED = { source: 'store', asked: [{ status: 304, range: 'bytes=0-131071' }] }

describe('warming a machine that keeps snapshots', () => {
  it('brings what a cold server made, so that the next job asks one small request', async () => {
    const store = temporary()
    project.server.evict('octo/project')
    const { outputs, line, lines } = await warmStep(warming(store))
    expect(outputs).toMatchObject({ found: 'true', source: 'cachew', kept: 'true' })
    expect(line).toMatch(/^Cachew made a snapshot of .*\); this machine keeps it; the server's mirror has /)
    expect(lines).toEqual([])
    expect(await restored(store)).toEqual(RESTORED)
  })

  it('brings nothing that is there already', async () => {
    const store = temporary()
    await warmStep(warming(store))
    expect(asked().length).toBeGreaterThan(3)
    project.server.log.length = 0
    expect((await warmStep(warming(store))).outputs.kept).toBe('true')
    expect(asked()).toEqual([LOOK, { status: 304, range: 'bytes=0-131071' }])
  })

  it('brings what the server has made since', async () => {
    const store = temporary()
    await warmStep(warming(store))
    await project.server.generate('octo/project')
    expect((await warmStep(warming(store))).outputs.kept).toBe('true')
    expect(await restored(store)).toEqual(RESTORED)
  })

  it('brings it over one connection, too', async () => {
    const store = temporary()
    expect((await warmStep(warming(store, { concurrency: '1' }))).outputs.kept).toBe('true')
    expect(await restored(store)).toEqual(RESTORED)
  })

  it('takes the tool cache of a self-hosted runner, unless it is told otherwise', async () => {
    const directory = temporary()
    const env = { RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: directory }
    expect((await warmStep({ ...warming('off'), env })).outputs.kept).toBe('')
    expect(filesIn(directory)).toEqual([])
    expect((await warmStep({ ...warming('auto'), env })).outputs.kept).toBe('true')
    expect(await restored(directory)).toEqual(RESTORED)
  })

  it('brings what an address has', async () => {
    const bytes = randomBytes(1_000_000)
    const server = await startObjectServer({ bytes })
    onTestFinished(server.close)
    const changes = warming(temporary(), { server: '', url: `${server.url}/a.tar.zst` })
    expect((await warmStep(changes)).line).toBe(
      'The URL has a snapshot of octo/project (1.0 MB); this machine keeps it',
    )
    server.log.length = 0
    expect((await warmStep(changes)).outputs).toMatchObject({ source: 'url', kept: 'true' })
    expect(server.log.map(({ status }) => status)).toEqual([206, 304])
  })
})

describe('warming a machine of which one server hangs', () => {
  it.each(['first', 'last'])(
    'brings what the other has, and says who was given up: the %s',
    async (place) => {
      const hung = await startMirror(project, () => ({ hold: never }))
      const { url } = project.server
      const servers = place === 'first' ? [hung.url, url] : [url, hung.url]
      const store = temporary()
      const isBrought = () => asked().length > 3
      const filled =
        place === 'first' ? hung.until(() => hung.log.length > 0) : project.server.until(isBrought)
      const wait = () => filled.then(() => {})
      const { outputs, lines } = await warmStep({ ...warming(store, { server: servers.join('\n') }), wait })
      expect(outputs).toMatchObject({ found: 'true', kept: 'true' })
      expect(lines).toEqual([
        `jobs to come have one server less: ${hung.url} is given up: it was not done 5 minutes after another server`,
      ])
      expect(await restored(store)).toEqual(RESTORED)
    },
  )
})

describe('a machine that cannot keep the snapshot', () => {
  it.each([
    [
      'its directory is of no use',
      () => {
        const file = join(temporary(), 'file')
        writeFileSync(file, '')
        return warming(file)
      },
    ],
    ['it has no room', () => warming(temporary(), { 'store-max-bytes': '1MiB' })],
  ])('says so in one line where %s, and does not fail', async (_, changes) => {
    const { outputs, line, lines } = await warmStep(changes())
    expect(outputs).toMatchObject({ found: 'true', kept: 'false' })
    expect(line).toContain('; this machine does not keep it;')
    expect(lines).toEqual([expect.stringMatching(/^the snapshot store in .* is not used: /)])
  })

  it('says that it keeps nothing where there is no source', async () => {
    const { outputs } = await warmStep(warming(temporary(), { server: '', source: 'none' }))
    expect(outputs).toMatchObject({ found: 'false', kept: 'false' })
  })

  it('does not take an older one for it where the server has gone away meanwhile', async () => {
    const store = temporary()
    await warmStep(warming(store))
    await project.server.generate('octo/project')
    project.fault = ({ headers }) => (headers['if-none-match'] ? { status: 503 } : undefined)
    const { outputs, lines } = await warmStep(warming(store))
    expect(outputs).toMatchObject({ found: 'true', kept: 'false' })
    expect(lines).toEqual([expect.stringContaining('going on with the snapshot that this machine has kept')])
  })
})

describe('a download that breaks', () => {
  it('is resumed, as often as the inputs allow', async () => {
    const store = temporary()
    let breaks = 1
    project.fault = ({ start }) => (start > 300_000 && breaks-- > 0 ? { resetAfter: 1000 } : undefined)
    const { outputs, lines } = await warmStep(warming(store, { retries: '2' }))
    expect(outputs.kept).toBe('true')
    expect(lines).toEqual([expect.stringContaining('trying again')])
    expect(await restored(store)).toEqual(RESTORED)
  })

  it('begins anew where the server has replaced the snapshot', async () => {
    const store = temporary()
    let replaced = 0
    project.fault = ({ start }) => (start > 300_000 && replaced++ === 0 ? { status: 412 } : undefined)
    const { outputs, lines } = await warmStep(warming(store))
    expect(outputs.kept).toBe('true')
    expect(lines).toEqual([expect.stringMatching(/starting again with the new one$/)])
    expect(await restored(store)).toEqual(RESTORED)
  })

  it('fails the step in the end, and leaves nothing', async () => {
    const store = join(temporary(), 'store')
    mkdirSync(store)
    project.fault = ({ start }) => (start > 300_000 ? { status: 410 } : undefined)
    expect((await failedWarmStep(warming(store))).words).toContain('410')
    expect(filesIn(store)).toEqual([])
  })
})
