import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { expectRestored, printed, run } from './support/action-run.ts'
import { never } from './support/deferred.ts'
import { useForgedProject } from './support/forged-project.ts'
import type { RunOptions, RunResult } from './support/runner.ts'

const project = useForgedProject({ 'chunk-size': '128KiB', retries: '0' })
let newer: string

beforeAll(async () => {
  for (const name of ['a', 'b', 'c']) newer = await project.upstream.commit([{ path: name, content: name }])
})

/** The titles of a log's groups, which are neither in each other nor left open, and the lines outside of them. */
function readLog(result: RunResult) {
  const titles: string[] = []
  const outside: string[] = []
  let isOpen = false
  for (const line of printed(result).split('\n')) {
    const [, command, title = ''] = /^::(group|endgroup)::(.*)$/.exec(line) ?? []
    if (command === undefined && !isOpen && line !== '') outside.push(line)
    if (command === undefined) continue
    expect(isOpen).toBe(command === 'endgroup')
    isOpen = command === 'group'
    if (isOpen) titles.push(title)
  }
  expect(isOpen).toBe(false)
  return { titles, outside }
}

const FOUND_AND_RESTORED = ['Find the commit', 'Restore the snapshot']

describe('the log of a step', () => {
  it('has its outcome in the one line that stands outside of groups', async () => {
    const result = await project.step()
    expectRestored(result)
    const { titles, outside } = readLog(result)
    expect(titles).toEqual([...FOUND_AND_RESTORED, 'Check out'])
    expect(outside).toEqual([
      expect.stringMatching(/^Restored octo\/project at .{7} from Cachew: 77 files, 3\.0 MB in /),
    ])
    expect(result.stdout).toMatch(/^open: 3\.0 MB of commit .{7}, http.*snapshot\.tar\.zst \(\d+ ms\)$/m)
    expect(result.stdout).toMatch(/^unpack: 77 files \(\d+ of them in \.git\), 3\.0 MB \(/m)
  })

  it('tells how many commits the snapshot was behind', async () => {
    const { outside } = readLog(await project.step({ github: { sha: newer } }))
    expect(outside).toEqual([expect.stringMatching(/; snapshot was 3 commits behind$/)])
  })

  it('has the warning of a miss outside of groups, too', async () => {
    project.forge.faults.snapshots = () => ({ status: 404 })
    const { titles, outside } = readLog(await project.step())
    expect(titles).toEqual([...FOUND_AND_RESTORED, 'Fetch from the GitHub server', 'Check out'])
    expect(outside).toEqual([
      expect.stringMatching(
        /^::warning title=NOT_FOUND::No snapshot of octo\/project was restored: .* answered 404.*\. It is fetched from http\S+ instead$/,
      ),
      expect.stringMatching(/^Fetched octo\/project at .* no snapshot was restored \(NOT_FOUND\)$/),
    ])
  })

  it('has the error of a failed step outside of groups', async () => {
    project.forge.faults.snapshots = ({ start }) => (start > 400_000 ? { status: 403 } : undefined)
    const { titles, outside } = readLog(await project.step({ inputs: { 'on-miss': 'fail' } }))
    expect(titles).toEqual(FOUND_AND_RESTORED)
    expect(outside).toEqual([expect.stringMatching(/^::error title=ACCESS_DENIED::.* answered 403/)])
  })

  it('has no group left open when the step is cancelled', async () => {
    project.forge.faults.snapshots = ({ start }) => (start > 400_000 ? { hold: never } : undefined)
    const cancel = new AbortController()
    const onOutput = (text: string): void => {
      if (text.includes('open: ')) cancel.abort()
    }
    const result = await project.step({ signal: cancel.signal, onOutput })
    expect(readLog(result).outside).toEqual(['::error title=CANCELLED::cancelled by SIGINT'])
    expect(result.report).toMatchObject({ outcome: 'failed', error: { code: 'CANCELLED' } })
  })
})

describe('debug mode', () => {
  const debugged = (options: RunOptions = {}): Promise<RunResult> =>
    project.step({ ...options, env: { RUNNER_DEBUG: '1', ...options.env } })

  function debugLines({ annotations }: RunResult): readonly string[] {
    return annotations.filter(({ level }) => level === 'debug').map(({ message }) => message)
  }

  it('tells every request and every git process', async () => {
    const from = project.forge.snapshots.log.length
    const result = await debugged({ github: { sha: newer } })
    expectRestored(result)
    const lines = debugLines(result)
    const requests = lines.filter((line) => /^(GET|POST) /.test(line))
    expect(requests).toHaveLength(Number(result.outputs.requests))
    expect(project.forge.snapshots.log.length - from).toBeGreaterThanOrEqual(requests.length)
    const snapshot = 'http://127\\.0\\.0\\.1:\\d+/git/127\\.0\\.0\\.1:\\d+/octo/project/snapshot\\.tar\\.zst'
    const range = 'bytes=131072-\\d+: 206 after \\d+ ms, \\d+ bytes in \\d+ ms'
    expect(requests).toContainEqual(expect.stringMatching(new RegExp(`^GET ${snapshot} ${range}$`)))
    expect(lines).toContainEqual(expect.stringMatching(/^git bundle unbundle \S+ \(\d+ ms, exit code 0\)$/))
  })

  it('tells which attempt a request is, beside the line that says why', async () => {
    let isBroken = false
    project.forge.faults.snapshots = ({ start }) => {
      if (start !== 131_072 || isBroken) return undefined
      isBroken = true
      return { resetAfter: 1000 }
    }
    const result = await debugged({ inputs: { retries: '2' } })
    const lines = debugLines(result)
    expect(lines.filter((line) => line.includes('attempt 2: 206'))).toHaveLength(1)
    expect(result.stdout).toMatch(/trying again (in \d\.\d s|at once)$/m)
  })

  it('tells no secret, and a step without it no request', async () => {
    const authorization = 'Bearer t0p-s3cret-of-the-server'
    const inputs = { authorization, headers: 'X-Key: an0ther-s3cret' }
    const result = await debugged({ inputs, github: { sha: newer } })
    const said = debugLines(result).join('\n')
    expect(said).toContain('GET http')
    for (const secret of [
      's3cret',
      project.forge.token,
      Buffer.from(project.forge.token).toString('base64'),
    ]) {
      expect(said).not.toContain(secret)
    }
    expect(said).not.toContain('?')
    expect(debugLines(await project.step({ inputs }))).toEqual([])
  })
})

describe('annotations', () => {
  const visible = ({ annotations }: RunResult) => annotations.filter(({ level }) => level !== 'debug')

  it('are none of a step that went well, whatever its settings, where they cost nothing', async () => {
    expect(visible(await project.step())).toEqual([])
    expect(visible(await project.step({ inputs: { concurrency: '1' } }))).toEqual([])
  })

  it('are one notice where settings have cost time', async () => {
    // Once as a file and once as an object: more than 32 MB altogether.
    const history = [[{ path: 'large.bin', content: randomBytes(17_000_000) }]]
    const large = await project.forge.makeRepository('octo/large', { history })
    await project.forge.snapshot(large)
    const result = await run({
      inputs: { server: project.forge.snapshots.url, concurrency: '1' },
      github: project.forge.job(large, { sha: await large.git('rev-parse', 'main') }),
    })
    expect(visible(result)).toEqual([
      {
        level: 'notice',
        properties: '',
        message: expect.stringMatching(/^Settings have cost time: with concurrency 1 .* one stream/),
      },
    ])
    expect(readLog(result).outside.at(-1)).toContain('::notice::')
  })
})
