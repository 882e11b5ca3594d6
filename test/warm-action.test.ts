import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAction } from '../scripts/action-yml.ts'
import { parseWarmInputs } from '../src/warm/inputs.ts'
import { errorsOf, printed, run } from './support/action-run.ts'
import { expectUntouched, type Place, usedPlace } from './support/place.ts'
import type { RunOptions } from './support/runner.ts'
import { scene } from './support/snapshot-scene.ts'
import { temporary } from './support/temporary.ts'
import { listTree } from './support/working-copy.ts'

const root = join(import.meta.dirname, '..')
const directory = join(root, 'warm')
const entry = join(root, 'src', 'warm-main.ts')
const SECRET = 't0p-s3cret-words'

const text = readFileSync(join(directory, 'action.yml'), 'utf8')
const action = readAction(text)
const restore = readAction(readFileSync(join(root, 'action.yml'), 'utf8'))

/** Runs the step in a workspace where a job before left something, and expects it to leave all as it was. */
async function warmRun(options: RunOptions, place: Place = usedPlace()) {
  const before = listTree(place.workspace)
  const result = await run({ action: directory, entry, ...place, ...options })
  expectUntouched(place, before)
  expect(readdirSync(place.temp)).toEqual([])
  return result
}

async function servedScene(options: Parameters<typeof scene>[0] = {}) {
  const { server, upstream } = await scene(options)
  const sha = await upstream.git('rev-parse', 'main')
  return { server, sha, options: { inputs: { server: server.url, retries: '0' }, github: { sha } } }
}

/** Lines that are no commands to the runner. */
function wordsOf(result: Parameters<typeof printed>[0]): string[] {
  return printed(result)
    .split('\n')
    .filter((line) => line !== '')
}

describe('the step warm', () => {
  it('says in one line what it found, gives its outputs, and leaves the workspace alone', async () => {
    const { sha, options } = await servedScene()
    const result = await warmRun(options)
    expect(result).toMatchObject({ exitCode: 0, stderr: '', annotations: [] })
    expect(wordsOf(result)).toEqual([expect.stringMatching(/^Cachew made a snapshot of octo\/project at /)])
    expect(Object.keys(result.outputs).sort()).toEqual(action.outputs.map(({ name }) => name).sort())
    expect(result.outputs).toMatchObject({ found: 'true', commit: sha, ensured: 'true' })
  })

  it('gives a notice where there is no snapshot, and does not fail', async () => {
    const { options } = await servedScene({ cold: 'not-found' })
    const result = await warmRun(options)
    expect(result).toMatchObject({ exitCode: 0, stderr: '', outputs: { found: 'false' } })
    expect(result.annotations).toMatchObject([{ level: 'notice' }])
    expect(wordsOf(result)).toEqual([expect.stringMatching(/^::notice::No snapshot of octo\/project /)])
  })

  it('fails with one error where the server cannot be reached', async () => {
    const { server, options } = await servedScene()
    await server.close()
    const result = await warmRun(options)
    expect(result).toMatchObject({ exitCode: 1, stderr: '', outputs: {} })
    expect(errorsOf(result)).toEqual([expect.stringMatching(/snapshot\.tar\.zst failed/)])
  })

  it('fails for a bad input before it asks anybody', async () => {
    const { server, options } = await servedScene()
    const result = await warmRun({ ...options, inputs: { ...options.inputs, timeout: 'long' } })
    expect(errorsOf(result)).toEqual([expect.stringMatching(/^Input timeout is "long"/)])
    expect(server.log).toEqual([])
  })

  it('fills the store of the machine', async () => {
    const { server, options } = await servedScene()
    const step = { ...options, inputs: { ...options.inputs, store: temporary() } }
    expect((await warmRun(step)).outputs.kept).toBe('true')
    server.log.length = 0
    const again = await warmRun(step)
    expect(again).toMatchObject({ exitCode: 0, stderr: '', outputs: { kept: 'true' } })
    expect(wordsOf(again)).toEqual([expect.stringContaining('; this machine keeps it; ')])
    expect(server.log.map(({ status }) => status)).toContain(304)
  })

  it('masks its secrets, and sends them to the server', async () => {
    const { server, options } = await servedScene()
    const authorization = `Bearer ${SECRET}`
    const result = await warmRun({ ...options, inputs: { ...options.inputs, authorization } })
    expect(result.masks).toEqual(expect.arrayContaining([authorization, SECRET]))
    expect(printed(result)).not.toContain(SECRET)
    expect(server.log.map(({ headers }) => headers.authorization)).toEqual(
      server.log.map(() => authorization),
    )
  })
})

describe('warm/action.yml', () => {
  it('has inputs of action.yml only, with the same defaults', () => {
    const defaults = new Map(restore.inputs.map(({ name, default: value }) => [name, value]))
    const own = action.inputs.map(({ name, default: value }) => [name, value])
    expect(own).toEqual(action.inputs.map(({ name }) => [name, defaults.get(name)]))
  })

  it('describes them in the words of action.yml, but for those about what is checked out or follows a miss', () => {
    const words = new Map(restore.inputs.map(({ name, description }) => [name, description]))
    const others = action.inputs.filter(({ name, description }) => words.get(name) !== description)
    expect(others.map(({ name }) => name)).toEqual(['source', 'repository', 'ref', 'token', 'retries'])
    for (const { description } of others)
      expect(description).not.toMatch(/check(ed)? out|fetched|after the job|on-miss/)
  })

  it('has exactly the inputs that the step reads for itself', () => {
    const contexts = { repository: 'octo/project', 'github-server-url': 'https://github.com', token: '' }
    const defaults = Object.fromEntries(action.inputs.map(({ name, default: value }) => [name, value ?? '']))
    const values: Readonly<Record<string, string>> = { ...defaults, ...contexts }
    const read = new Set<string>()
    const inputs = parseWarmInputs((name) => {
      if (values[name] !== undefined) read.add(name)
      return values[name] ?? ''
    }, {})
    expect(Object.keys(inputs).sort()).toEqual(
      [
        ...[
          'authorization',
          'githubServerUrl',
          'headers',
          'oidcAudience',
          'ref',
          'repository',
          'retries',
          'servers',
          'source',
        ],
        ...['chunkBytes', 'concurrency', 'stallMs', 'store', 'timeoutMs', 'token', 'url'],
      ].sort(),
    )
    expect([...read].sort()).toEqual(action.inputs.map(({ name }) => name).sort())
  })

  it('describes every output, and keeps to the plain block style', () => {
    for (const { description } of action.outputs) expect(description).not.toBe('')
    const odd = text
      .split('\n')
      .filter((line) => !/^((?: {2}){0,2}[a-z0-9-]+:( ('[^']*'|[^'"&*!|>{[%@`\s].*))?)?$/.test(line))
    expect(odd).toEqual([])
  })

  it('runs the built file on Node 24', () => {
    expect(action.runs).toEqual({ using: 'node24', main: '../dist/warm/index.js' })
  })
})
