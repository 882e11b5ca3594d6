import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectRestored, launcher, printed, run, start } from '../support/action-run.ts'
import { deferred } from '../support/deferred.ts'
import { leftIn, usedPlace } from '../support/place.ts'
import { MUCH_BYTES, restoring, useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { expectRight, gitInstead, sabotaged } from './scene.ts'

const project = useServedProject()

describe('F124: two jobs on one host', () => {
  it('F124: that share the temporary directory, one begun and ended while the other is unpacking', async () => {
    const [one, two] = [usedPlace(), usedPlace()]
    const goOn = deferred()
    project.fault = ({ index }) =>
      index === 0 ? { pause: { after: MUCH_BYTES, until: goOn.promise } } : undefined
    const slow = await start({ ...one, ...restoring(project) })
    await project.server.until(() => project.sentBytes() >= MUCH_BYTES)
    const temp = one.temp
    const quick = await run({ ...two, temp, ...restoring(project) })
    expectRestored(quick)
    await quick.runPost()
    goOn.resolve()
    const result = await slow.ended
    expectRestored(result)
    await result.runPost()
    await expectRight(one, project)
    await expectRight(two, project)
    expect([...leftIn(one), ...leftIn(two)]).toEqual([])
  })

  it('F124: that begin at once, in workspaces beside each other', async () => {
    const root = temporary()
    const temp = join(root, '_temp')
    const places = ['a', 'b', 'c'].map((name) => ({ temp, workspace: join(root, 'work', name) }))
    mkdirSync(temp)
    for (const { workspace } of places) mkdirSync(workspace, { recursive: true })
    const results = await Promise.all(places.map((place) => run({ ...place, ...restoring(project) })))
    for (const result of results) expectRestored(result)
    for (const result of results) await result.runPost()
    for (const place of places) await expectRight(place, project)
    expect(places.flatMap(leftIn)).toEqual([])
  })
})

describe('F125: the log', () => {
  it('F125: may have no reader', async () => {
    const place = usedPlace()
    const entry = launcher(`const stdio = ['ignore', 'pipe', 'pipe']
      const child = spawn(process.execPath, [bundle], { stdio })
      child.stdout.destroy()
      child.stderr.destroy()`)
    const result = await run({ ...place, ...restoring(project), entry })
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'restored' } })
    await expectRight(place, project)
  })

  it('F125: of a git that says a million things does not end the step', async () => {
    const place = usedPlace()
    const env = gitInstead(`case "$*" in *" checkout"*)
      yes 'one thing of many' | head -n 1000000 >&2;; esac`)
    const inputs = { 'show-progress': 'true' }
    const result = await run({ ...place, ...restoring(project, { env, inputs }) })
    expect(result.exitCode).toBe(0)
    expect(printed(result).split('\n').length).toBeGreaterThan(1_000_000)
    await expectRight(place, project)
  })
})

describe('F126: a clock that jumps', () => {
  const module = `data:text/javascript,${encodeURIComponent(`
    const now = Date.now
    let calls = 0
    Date.now = () => now() + (calls++ % 2 === 0 ? 3_600_000 : -3_600_000)`)}`
  const env = { NODE_OPTIONS: `--import=${module}` }

  it('F126: by an hour at every look changes nothing of a restore that is repeated and waits', async () => {
    const place = usedPlace()
    project.fault = ({ attempt }) =>
      attempt === 1 ? { status: 503, headers: { 'retry-after': '1' } } : undefined
    const result = await run({ ...place, ...restoring(project, { env, inputs: { retries: '3' } }) })
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    await expectRight(place, project)
    for (const name of ['open-ms', 'restore-ms', 'settle-ms', 'total-ms']) {
      expect(Number(result.outputs[name])).toBeGreaterThanOrEqual(0)
      expect(Number(result.outputs[name])).toBeLessThan(60_000)
    }
  })

  it('F126: is looked at only where a date is meant', () => {
    const root = join(import.meta.dirname, '..', '..', 'src')
    const files = globSync('**/*.ts', { cwd: root }).sort()
    const looking = files.filter((file) =>
      /\bDate\.now\b|new Date\(\)/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(looking).toEqual(WHERE_DATES_ARE_MEANT)
  })
})

/** The time of files and entries that are written or found, and Retry-After where it is a date. */
const WHERE_DATES_ARE_MEANT = [
  'download/turned-away.ts',
  'owner.ts',
  'restore/from-snapshot.ts',
  'restore/lfs-snapshot.ts',
  'save.ts',
  'snapshot/actions-cache.ts',
  'snapshot/open.ts',
  'source/id-token.ts',
  'source/kept-snapshot.ts',
  'unpack/stale.ts',
  'warm-main.ts',
]

it('F132: what a git server says on the side is no command', async () => {
  const place = usedPlace()
  const env = gitInstead(`case "$*" in *" read-tree"*)
    printf 'remote: ##[add-path]/evil\\r::set-output name=x::y\\n\\033[31m::stop-commands::z\\nfatal: no\\n' >&2
    exit 128;; esac`)
  const result = await run({ ...place, ...restoring(project, { env, inputs: { 'show-progress': 'true' } }) })
  expect(result).toMatchObject({ exitCode: 1, outputs: {} })
  const lines = result.stdout.split(/[\r\n]/)
  const odd = /##\[|\p{Cc}|^\s*::(?!(error|debug|group|endgroup|add-mask|add-matcher|remove-matcher)\b)/u
  expect(lines.filter((line) => odd.test(line))).toEqual([])
  expect(result.stdout).toContain('set-output')
  expect(existsSync(place.workspace)).toBe(true)
})

describe('a job on a machine that has little', () => {
  it.each([
    ['no HOME', { HOME: '' }],
    ['a HOME that is not there', { HOME: '/nowhere' }],
    ['a locale of its own', { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }],
  ])('is restored with %s', async (_, env) => {
    const place = usedPlace()
    expectRestored(await run({ ...place, ...restoring(project, { env }) }))
    await expectRight(place, project)
  })

  it('fails in words, once, when something that nobody thought of throws', async () => {
    const place = usedPlace()
    const env = sabotaged({ call: 'promises.realpath', nth: 1, does: 'EWHAT' })
    const result = await run({ ...place, ...restoring(project, { env }) })
    expect(result.exitCode).toBe(1)
    expect(result.annotations.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})
