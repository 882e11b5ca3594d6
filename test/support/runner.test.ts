import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { readActionMetadata } from './action-metadata.ts'
import { deferred } from './deferred.ts'
import { type RunOptions, runAction } from './runner.ts'
import { temporary } from './temporary.ts'

const actionYml = `name: Tiny
description: 'A description: with a colon'
inputs:
  server:
    description: Where the server is
    required: false
  chunk-size:
    description: 'How much at once, ''quoted'''
    required: false
    default: '8MiB'
  quoted:
    description: With quotes
    default: 'it''s'
  repository:
    description: Which one
    default: \${{ github.repository }}
  url:
    description: Two expressions
    default: '\${{ github.server_url }}/\${{github.repository}}'
outputs:
  outcome:
    description: What became of it
runs:
  using: node24
  main: dist/index.js
  post: dist/index.js
branding:
  icon: zap
  color: blue
`

/** An action whose bundle is the given code. */
function makeAction(code: string): string {
  const directory = temporary()
  mkdirSync(join(directory, 'dist'))
  writeFileSync(join(directory, 'action.yml'), actionYml)
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
  writeFileSync(join(directory, 'dist', 'index.js'), `import { appendFileSync } from 'node:fs'\n${code}`)
  return directory
}

async function run(code: string, options: RunOptions = {}) {
  const result = await runAction({ action: makeAction(code), ...options })
  onTestFinished(() => result.cleanUp())
  return result
}

it('reads defaults, outputs and steps from action.yml', () => {
  const metadata = readActionMetadata(join(makeAction(''), 'action.yml'))
  expect(Object.fromEntries(metadata.defaults)).toEqual({
    server: '',
    'chunk-size': '8MiB',
    quoted: "it's",
    repository: `\${{ github.repository }}`,
    url: `\${{ github.server_url }}/\${{github.repository}}`,
  })
  expect(metadata).toMatchObject({ outputs: ['outcome'], main: 'dist/index.js', post: 'dist/index.js' })
})

it('gives inputs as the runner does: defaults, expressions, upper case, hyphens kept', async () => {
  const code = `console.log(JSON.stringify(process.env))`
  const { stdout } = await run(code, {
    inputs: { server: 'http://127.0.0.1:1', 'with space': 'yes' },
    github: { repository: 'a/b' },
  })
  expect(JSON.parse(stdout)).toMatchObject({
    INPUT_SERVER: 'http://127.0.0.1:1',
    'INPUT_CHUNK-SIZE': '8MiB',
    INPUT_QUOTED: "it's",
    INPUT_REPOSITORY: 'a/b',
    INPUT_URL: 'https://github.com/a/b',
    INPUT_WITH_SPACE: 'yes',
    GITHUB_REPOSITORY: 'a/b',
    GITHUB_ACTIONS: 'true',
    RUNNER_OS: expect.any(String),
  })
})

it('hands on nothing of this process’s environment but PATH', async () => {
  process.env.LEAKED_INTO_ACTION = 'yes'
  onTestFinished(() => void delete process.env.LEAKED_INTO_ACTION)
  const { stdout } = await run('console.log(JSON.stringify(process.env))', { env: { WANTED: '1' } })
  const seen = JSON.parse(stdout)
  expect(seen).not.toHaveProperty('LEAKED_INTO_ACTION')
  expect(seen).toMatchObject({ PATH: process.env.PATH, WANTED: '1' })
  expect(seen.HOME).not.toBe(process.env.HOME)
})

it('tells the event, and its payload in a file', async () => {
  const { stdout } = await run(
    `import { readFileSync } from 'node:fs'
     const { GITHUB_EVENT_NAME, GITHUB_EVENT_PATH, GITHUB_REF, GITHUB_SHA } = process.env
     console.log(GITHUB_EVENT_NAME, GITHUB_REF, GITHUB_SHA, readFileSync(GITHUB_EVENT_PATH, 'utf8'))`,
    { github: { eventName: 'release', ref: 'refs/tags/v1', sha: 'abc', payload: { action: 'published' } } },
  )
  expect(stdout).toBe('release refs/tags/v1 abc {"action":"published"}\n')
})

it('runs in an empty workspace with an empty RUNNER_TEMP beside it', async () => {
  const { stdout, workspace, cleanUp } = await run(`import { readdirSync } from 'node:fs'
    console.log(JSON.stringify([process.cwd(), readdirSync('.'), readdirSync(process.env.RUNNER_TEMP)]))`)
  expect(JSON.parse(stdout)).toEqual([workspace, [], []])
  await cleanUp()
  expect(existsSync(workspace)).toBe(false)
})

it('collects outputs, summary, annotations, masks, the exit code and what was printed', async () => {
  const result = await run(`
    appendFileSync(process.env.GITHUB_OUTPUT, 'outcome<<END_1\\nrestored\\nEND_1\\nnote<<END_2\\ntwo\\nlines\\nEND_2\\n')
    appendFileSync(process.env.GITHUB_OUTPUT, 'plain=a=b\\n')
    appendFileSync(process.env.GITHUB_STEP_SUMMARY, '# Done')
    console.log('::error title=Bad::100%25 wrong%0Asecond line')
    console.log('::add-mask::secret')
    console.error('to stderr')
    process.exitCode = 3`)
  expect(result).toMatchObject({
    exitCode: 3,
    signal: null,
    stderr: 'to stderr\n',
    outputs: { outcome: 'restored', note: 'two\nlines', plain: 'a=b' },
    summary: '# Done',
    annotations: [{ level: 'error', message: '100% wrong\nsecond line', properties: 'title=Bad' }],
    masks: ['secret'],
  })
})

it('runs the post step with the saved state in the same places', async () => {
  const main = await run(`
    if (process.env.STATE_token) console.log('post', process.env.STATE_token, process.env.GITHUB_WORKSPACE)
    else appendFileSync(process.env.GITHUB_STATE, 'token<<X\\nabc\\nX\\n')`)
  expect(main.state).toEqual({ token: 'abc' })
  const post = await main.runPost()
  expect(post.stdout).toBe(`post abc ${main.workspace}\n`)
})

it('cancels as the runner does, with SIGINT first', async () => {
  const started = deferred()
  const cancel = new AbortController()
  const running = run(
    `process.on('SIGINT', () => { console.log('got SIGINT'); process.exit(130) })
     setInterval(() => {}, 1000)
     console.log('ready')`,
    { signal: cancel.signal, onOutput: () => started.resolve() },
  )
  await started.promise
  cancel.abort()
  expect(await running).toMatchObject({ exitCode: 130, stdout: 'ready\ngot SIGINT\n' })
})

it('tells the peak of the process’s own memory', async () => {
  const small = await run('', { measurePeak: true })
  const large = await run('globalThis.kept = Buffer.alloc(200 * 1024 * 1024, 1)', { measurePeak: true })
  expect(small.peakRssBytes).toBeGreaterThan(20 * 1024 * 1024)
  expect((large.peakRssBytes ?? 0) - (small.peakRssBytes ?? 0)).toBeGreaterThan(190 * 1024 * 1024)
})
