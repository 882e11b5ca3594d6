import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readAction } from '../scripts/action-yml.ts'
import { madePages } from '../scripts/generate-docs.ts'
import { parseInputs } from '../src/inputs.ts'
import { oddLines } from './support/action-metadata.ts'

const root = join(import.meta.dirname, '..')
const text = readFileSync(join(root, 'action.yml'), 'utf8')
const action = readAction(text)

/** What the action.yml of actions/checkout v7 leads to; its null is an empty text to the runner. */
const CHECKOUT_DEFAULTS = {
  repository: 'octo/hello',
  ref: '',
  token: 'ghs_token',
  'ssh-key': '',
  'ssh-known-hosts': '',
  'ssh-strict': 'true',
  'ssh-user': 'git',
  'persist-credentials': 'true',
  path: '',
  clean: 'true',
  filter: '',
  'sparse-checkout': '',
  'sparse-checkout-cone-mode': 'true',
  'fetch-depth': '1',
  'fetch-tags': 'false',
  'show-progress': 'true',
  lfs: 'false',
  submodules: 'false',
  'set-safe-directory': 'true',
  'allow-unsafe-pr-checkout': 'false',
}

/** What the runner hands to the action where a workflow sets nothing but `server`. */
function defaultInput(name: string): string {
  const contexts: Readonly<Record<string, string>> = {
    '${{ github.repository }}': 'octo/hello',
    '${{ github.token }}': 'ghs_token',
    '${{ github.server_url }}': 'https://github.com',
  }
  const value = action.inputs.find((input) => input.name === name)?.default ?? ''
  return name === 'server' ? 'https://cache.example' : (contexts[value] ?? value)
}

describe('action.yml', () => {
  it('has defaults that the action accepts', () => {
    const inputs = parseInputs(defaultInput, { GITHUB_WORKSPACE: root })
    expect(inputs).toMatchObject({
      repository: { owner: 'octo', name: 'hello' },
      concurrency: 8,
      chunkBytes: 8 * 1024 * 1024,
      retries: 5,
      stallMs: 30_000,
      timeoutMs: 1_200_000,
      onMiss: 'fetch',
      sha256: undefined,
      maxUnpackedBytes: 64 * 1024 ** 3,
      maxEntries: 5_000_000,
      token: 'ghs_token',
      ssh: undefined,
      persistCredentials: true,
      sparse: undefined,
      fetchDepth: 1,
      submodules: 'none',
    })
  })

  it('has every input of actions/checkout with the same default', () => {
    const names = Object.keys(CHECKOUT_DEFAULTS)
    expect(action.inputs.map(({ name }) => name)).toEqual(expect.arrayContaining(names))
    expect(Object.fromEntries(names.map((name) => [name, defaultInput(name)]))).toEqual(CHECKOUT_DEFAULTS)
  })

  it('has defaults that an empty text stands for too, except where actions/checkout has another rule', () => {
    const env = {
      GITHUB_WORKSPACE: root,
      GITHUB_REPOSITORY: 'octo/hello',
      GITHUB_SERVER_URL: 'https://github.com',
    }
    const shared = new Set([...Object.keys(CHECKOUT_DEFAULTS), 'github-server-url'])
    const inputs = parseInputs((name) => (shared.has(name) ? '' : defaultInput(name)), env)
    expect(inputs).toEqual({ ...parseInputs(defaultInput, env), persistCredentials: false, token: undefined })
  })

  it('describes exactly the inputs that the action reads', () => {
    const read = new Set<string>()
    const spy = (name: string) => {
      read.add(name)
      return defaultInput(name)
    }
    parseInputs(spy, { GITHUB_WORKSPACE: root })
    expect(action.inputs.map(({ name }) => name).sort()).toEqual([...read].sort())
  })

  it('describes every input and output, gives every input a default, and no output one', () => {
    for (const { description } of [...action.inputs, ...action.outputs]) expect(description).not.toBe('')
    expect(action.inputs.filter((input) => input.default === undefined)).toEqual([])
    expect(action.outputs.filter((output) => output.default !== undefined)).toEqual([])
    expect(text.match(/^ {4}required: false$/gm)).toHaveLength(action.inputs.length)
  })

  it('runs the built file on Node 24, and again when the job ends', () => {
    expect(text).toContain(
      [
        'runs:',
        '  using: node24',
        '  main: dist/index.js',
        '  post: dist/post.js',
        '  post-if: always()',
      ].join('\n'),
    )
  })
})

describe.each(['action.yml', 'save/action.yml', 'warm/action.yml'])('%s', (file) => {
  const text = readFileSync(join(root, file), 'utf8')

  it('is to a YAML parser what it is to the tools of this repository', () => {
    const { inputs, outputs, runs } = parse(text)
    const described = (section: object): object[] =>
      Object.entries(section).map(([name, { description, default: value }]) => ({
        name,
        description,
        default: value,
      }))
    const action = { inputs: described(inputs), outputs: described(outputs), runs }
    expect(readAction(text)).toEqual(action)
  })

  it('keeps to the plain block style: two spaces, one line a value', () => {
    expect(oddLines(text)).toEqual([])
  })
})

describe('the plain block style', () => {
  it.each([
    'description: one a line: the first wins',
    'description: one a line:',
    'description: one #a line',
    '#: x',
    "description: 'one",
    'description: "one"',
    'description:  one',
    '   description: one',
  ])('has no line %j', (line) => {
    expect(oddLines(line)).toEqual([line])
  })

  it.each([
    'runs:',
    '    default: https://example.test/#part',
    "    description: 'one: two # three'",
    "    default: ''",
  ])('has the line %j', (line) => {
    expect(oddLines(line)).toEqual([])
  })
})

describe('the documentation', () => {
  it.each([...madePages()])(
    '%s has the tables, codes and numbers that it is made from; if not, run: npm run generate-docs',
    (page, made) => {
      expect(readFileSync(join(root, page), 'utf8')).toBe(made)
    },
  )
})
