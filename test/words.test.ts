import { describe, expect, it, onTestFinished } from 'vitest'
import { type TarEntry, tarZst } from './support/archive.ts'
import { withoutCode } from './support/code-spans.ts'
import type { Fault } from './support/fault.ts'
import { useForgedProject } from './support/forged-project.ts'
import { gitHttpAnswer } from './support/git-http.ts'
import type { RunResult } from './support/runner.ts'
import { startScriptedServer } from './support/scripted-server.ts'
import { serveArchive } from './support/served-archive.ts'
import type { Answer } from './support/stored-object.ts'

/** Every one would be executed, or would alter what people see, if it came to stand in the log as it is. */
const LINES = ['::set-output name=pwned::yes', '  ::stop-commands::x', 'of the log: ##[add-path]/tmp/pwned']
const HOSTILE = `${LINES.join('\n')}\r::add-mask::e\u2028::error::pwned\u001b[2J\u009b1A\u0085\u202e##[group]x\n`
/** The same as far as a header may have it. */
const IN_A_HEADER = '::set-output name=pwned::yes##[add-path]/tmp/pwned'
/** What our own step says. */
const OWN = new Set([
  ...['add-mask', 'add-matcher', 'debug', 'endgroup', 'error', 'group', 'remove-matcher', 'warning'],
])

/** The commands that the runner would find in the log: `::` after blanks, `##[` wherever it stands. */
function commandsIn(log: string): string[] {
  return log.split(/\r\n|\r|\n/).flatMap((line) => {
    const [, name] = /^\s*::([^ :]+)(?: .*?)?::/.exec(line) ?? /##\[([^ \]]+)[^\]]*\]/.exec(line) ?? []
    return name === undefined ? [] : [name]
  })
}

/** Nothing that somebody else wrote is a command, ends a line or moves the cursor. */
function expectHarmless({ stdout, stderr, outputs, summary }: RunResult): void {
  expect(commandsIn(stdout).filter((name) => !OWN.has(name))).toEqual([])
  expect(commandsIn(stderr)).toEqual([])
  expect(`${stdout}${stderr}`).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029\u202e]/u)
  expect(outputs).not.toHaveProperty('pwned')
  expect(withoutCode(summary)).not.toMatch(/pwned|add-mask|##\[/)
  expect(summary).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029\u202e]/u)
  const messages = stdout.split('\n').filter((line) => /^::(error|warning)/.test(line))
  for (const message of messages) {
    expect(message).not.toMatch(/%0[AD]/)
    expect(message.length).toBeLessThan(2100)
  }
}

const project = useForgedProject({ retries: '0' })

it('what stands in the log as it is would be a command', () => {
  expect(commandsIn(HOSTILE)).toEqual(['set-output', 'stop-commands', 'add-path', 'add-mask'])
  expect(commandsIn(IN_A_HEADER)).toEqual(['set-output'])
  expect(commandsIn(`x${IN_A_HEADER}`)).toEqual(['add-path'])
})

describe('a snapshot server', () => {
  const answers: readonly (readonly [string, Fault])[] = [
    ['a page with an error', { status: 500, body: HOSTILE }],
    ['a page that is refused', { status: 403, body: HOSTILE }],
    ['a page instead of the archive', { body: HOSTILE, headers: { 'content-type': IN_A_HEADER } }],
    ['its status line', { raw: `HTTP/1.1 500 ${IN_A_HEADER}\r\ncontent-length: 0\r\n\r\n` }],
    ['what is no HTTP', { raw: HOSTILE }],
    ['its Content-Range', { contentRange: `bytes 0-1/${IN_A_HEADER}` }],
    ['its ETag', { etag: IN_A_HEADER }],
    ['its commit', { headers: { 'x-cachew-snapshot-commit': IN_A_HEADER } }],
    ['its Content-Encoding', { headers: { 'content-encoding': IN_A_HEADER } }],
    ['its Retry-After', { status: 429, headers: { 'retry-after': IN_A_HEADER } }],
    ['the scheme that it redirects to', { redirect: `x${IN_A_HEADER}` }],
  ]

  it.each(answers)('F132: %s is harmless in the log', async (_, fault) => {
    project.forge.faults.snapshots = () => fault
    const result = await project.step({ inputs: { 'on-miss': 'fail' } })
    expectHarmless(result)
    if (!('etag' in fault)) expect(result.exitCode).toBe(1)
  })

  it('F132: the place that it redirects to is harmless in the log', async () => {
    project.forge.faults.snapshots = ({ path }) =>
      path.endsWith('zst') ? { redirect: `/${IN_A_HEADER}` } : { status: 500 }
    const result = await project.step({ inputs: { 'on-miss': 'fail' } })
    expectHarmless(result)
    expect(result.annotations.map(({ message }) => message).join()).toContain('set-output')
  })

  it('F132: a warning about it is as harmless as an error', async () => {
    project.forge.faults.snapshots = () => ({ contentRange: `bytes ${IN_A_HEADER}` })
    const result = await project.step()
    expectHarmless(result)
    expect(result.annotations.find(({ level }) => level === 'warning')?.message).toContain('set-output')
    expect(result.outputs).toMatchObject({ outcome: 'fetched', commit: project.tip })
  })

  it.each<[string, (path: string) => Fault | undefined]>([
    [
      'a line of a bundle that git repeats',
      (path) =>
        path.endsWith('bundle')
          ? {
              body: `# v2 git bundle\n${IN_A_HEADER}\n\n`,
              headers: { 'content-type': 'application/x-git-bundle' },
            }
          : undefined,
    ],
    [
      'what it says to a fetch',
      (path) =>
        /(bundle|ensure-refs|info\/refs)$/.test(path)
          ? { status: 500, body: HOSTILE, headers: { 'content-type': 'text/plain' } }
          : undefined,
    ],
  ])('F132: %s is harmless in the log', async (_, faultAt) => {
    project.forge.faults.snapshots = ({ path }) => faultAt(path)
    const sha = await project.upstream.commit([{ path: 'newer.txt', content: 'newer\n' }])
    const result = await project.step({ github: { sha } })
    expectHarmless(result)
    expect(result.stdout).toContain('set-output')
    expect(result.outputs).toMatchObject({ outcome: 'restored', commit: sha })
  })
})

it('the annotation of a failed step has the code of its error as its title', async () => {
  project.forge.faults.snapshots = () => ({ status: 404 })
  const { annotations } = await project.step({ inputs: { 'on-miss': 'fail' } })
  expect(annotations).toContainEqual(
    expect.objectContaining({ level: 'error', properties: 'title=NOT_FOUND' }),
  )
})

describe('an archive', () => {
  const git = [{ name: './.git/', type: 'directory' }]
  it.each<[string, TarEntry[]]>([
    ['a name that leads out', [{ name: `../${HOSTILE}`, body: 'x' }]],
    ['a name that is there twice', [{ name: HOSTILE }, { name: HOSTILE }]],
    ['a name that is too long for the disk', [{ name: HOSTILE.repeat(10) }]],
    ['the target of a hard link', [{ name: 'l', type: 'hardlink', linkname: HOSTILE }]],
    ['a type', [{ name: 'f', type: '\n' }]],
    ['a pax record', [{ name: 'f', pax: Buffer.from(`999 ${HOSTILE}=1\n`) }]],
    ['a HEAD', [...git, { name: './.git/HEAD', body: `ref: refs/heads/${HOSTILE}` }]],
  ])('F132: %s is harmless in the log', async (_, entries) => {
    const url = await serveArchive(await tarZst(entries))
    const result = await project.step({ inputs: { server: '', url, 'on-miss': 'fail' } })
    expectHarmless(result)
    expect(result.exitCode).toBe(1)
  })
})

describe('the GitHub server', () => {
  it('F132: what it says while git fetches is harmless in the log', async () => {
    const server = await startScriptedServer(async (request, gone) => {
      const { pathname: path, search: query } = new URL(request.url ?? '/', 'http://server')
      const answer = await gitHttpAnswer({
        root: `${project.upstream.directory}/../..`,
        path,
        query,
        request,
        gone,
      })
      return request.method === 'POST' ? withWords(answer) : answer
    })
    onTestFinished(() => server.close())
    const github = { serverUrl: server.url, token: '', sha: project.tip }
    const result = await project.step({ inputs: { server: '' }, github, env: { GIT_SNAPSHOT_DISABLE: '1' } })
    expectHarmless(result)
    expect(result.stdout).toMatch(/^git> remote: .*set-output/m)
    expect(result.outputs).toMatchObject({ outcome: 'fetched', commit: project.tip })
  })
})

/** The answer to a fetch, with words for the user before its pack, as git's protocol has them beside it. */
async function withWords(answer: Answer): Promise<Answer> {
  const body = Buffer.concat(await Array.fromAsync(answer.body ?? []))
  const at = body.indexOf('packfile\n') + 'packfile\n'.length
  if (at < 'packfile\n'.length) return { ...answer, body: [body] }
  const words = Buffer.from(`\x02${HOSTILE}`)
  const length = (words.length + 4).toString(16).padStart(4, '0')
  return { ...answer, body: [body.subarray(0, at), Buffer.from(length), words, body.subarray(at)] }
}
