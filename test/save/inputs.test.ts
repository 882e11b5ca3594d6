import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAction } from '../../scripts/action-yml.ts'
import { parseSaveInputs, type SaveInputs } from '../../src/save/inputs.ts'
import { saveLine, saveOutputs } from '../../src/save/report.ts'
import { complaintOf } from '../support/complaint.ts'

const root = join(import.meta.dirname, '..', '..')
const text = readFileSync(join(root, 'save', 'action.yml'), 'utf8')
const action = readAction(text)
const restoring = readAction(readFileSync(join(root, 'action.yml'), 'utf8'))

const ENV = {
  GITHUB_WORKSPACE: root,
  GITHUB_REPOSITORY: 'octo/hello',
  GITHUB_SERVER_URL: 'https://github.com',
}
const CONTEXTS: Readonly<Record<string, string>> = {
  '${{ github.repository }}': 'octo/hello',
  '${{ github.token }}': 'ghs_token',
  '${{ github.server_url }}': 'https://github.com',
}
const DEFAULTS = new Map(
  action.inputs.map(({ name, default: value = '' }) => [name, CONTEXTS[value] ?? value]),
)

/** What a workflow leads to that says these. */
function parse(said: Readonly<Record<string, string>> = {}): SaveInputs {
  return parseSaveInputs((name) => said[name] ?? DEFAULTS.get(name) ?? '', ENV)
}

const describedAs = ({ inputs }: typeof action, name: string) =>
  inputs.find((input) => input.name === name)?.description

describe('save/action.yml', () => {
  it('has defaults that the action accepts', () => {
    expect(parse()).toEqual({
      repository: { owner: 'octo', name: 'hello' },
      githubServerUrl: new URL('https://github.com'),
      ref: '',
      token: 'ghs_token',
      workspace: root,
      destination: root,
      depth: 1,
      minAgeMs: 5 * 3_600_000,
      level: 3,
    })
  })

  it('has no input that the action does not read', () => {
    const read = new Set<string>()
    parseSaveInputs((name) => {
      read.add(name)
      return DEFAULTS.get(name) ?? ''
    }, ENV)
    expect(action.inputs.map(({ name }) => name).filter((name) => !read.has(name))).toEqual([])
  })

  it('describes every input and output, gives every input a default, and no output one', () => {
    for (const { description } of [...action.inputs, ...action.outputs]) expect(description).toMatch(/\.$/)
    expect(action.inputs.filter((input) => input.default === undefined)).toEqual([])
    expect(action.outputs.filter((output) => output.default !== undefined)).toEqual([])
    expect(text.match(/^ {4}required: false$/gm)).toHaveLength(action.inputs.length)
  })

  it('runs the built file on Node 24', () => {
    expect(text).toMatch(/^runs:\n {2}using: node24\n {2}main: \.\.\/dist\/save\/index\.js\n$/m)
  })

  it('has the defaults of action.yml for the inputs that both have', () => {
    const shared = action.inputs.filter(({ name }) => describedAs(restoring, name) !== undefined)
    expect(shared.map(({ name }) => name)).toEqual([
      'repository',
      'ref',
      'token',
      'github-server-url',
      'path',
      'fetch-depth',
    ])
    for (const { name, default: value } of shared) {
      expect([name, restoring.inputs.find((input) => input.name === name)?.default]).toEqual([name, value])
    }
  })

  it.each(['github-server-url'])('has the words of action.yml for %s, which means the same', (name) => {
    expect(describedAs(action, name)).toBe(describedAs(restoring, name))
  })

  it('describes the outputs that the action sets', () => {
    expect(Object.keys(saveOutputs(REPORT))).toEqual(action.outputs.map(({ name }) => name))
  })
})

describe('an input of a save', () => {
  it.each<[string, string, Partial<SaveInputs>]>([
    ['fetch-depth', '0', { depth: 0 }],
    ['fetch-depth', '', { depth: 1 }],
    ['min-age', '0', { minAgeMs: 0 }],
    ['min-age', ' 2d\n', { minAgeMs: 172_800_000 }],
    ['level', '19', { level: 19 }],
    ['ref', ' topic ', { ref: 'topic' }],
    ['token', '', { token: undefined }],
    ['path', 'deeper/clone', { destination: join(root, 'deeper/clone') }],
    ['repository', '', { repository: { owner: 'octo', name: 'hello' } }],
    ['github-server-url', '', { githubServerUrl: new URL('https://github.com') }],
  ])('%s may be %j', (name, value, parsed) => {
    expect(parse({ [name]: value })).toEqual({ ...parse(), ...parsed })
  })

  const DEPTH = '0 for all of the history, or 1 for none of it, is allowed'
  const LEVEL = 'a whole number from 1 to 19 is allowed'

  it.each([
    ['fetch-depth', '2', DEPTH],
    ['fetch-depth', '-1', DEPTH],
    ['fetch-depth', 'all', DEPTH],
    ['min-age', '6', '0, or a whole number with the unit m, h or d, is allowed'],
    ['level', '0', LEVEL],
    ['level', '22', LEVEL],
    ['level', 'fast', LEVEL],
    ['repository', 'octo', 'owner/name is allowed'],
    ['github-server-url', 'https://github.com/octo', 'a GitHub server without a path is allowed'],
    ['path', '../outside', 'inside'],
  ])('%s is refused where it is %j, in words', (name, value, allowed) => {
    const complaint = complaintOf(() => parse({ [name]: value }))
    expect(complaint).toContain(`Input ${name} is "${value}": `)
    expect(complaint).toContain(allowed)
  })

  it('token is not repeated where it is refused', () => {
    const complaint = complaintOf(() => parse({ token: 'ghs token' }))
    expect(complaint).toMatch(/^Input token has a blank/)
    expect(complaint).not.toContain('ghs')
  })
})

const REPORT = {
  outcome: 'saved',
  key: 'the-key',
  repository: 'octo/hello',
  branch: 'main',
  commit: '0123456789abcdef0123456789abcdef01234567',
  files: 47_000,
  bytes: 123_456_789,
  unpackedBytes: 987_654_321,
  cloneMs: 1000.4,
  packMs: 2000.6,
  uploadMs: 3000,
  totalMs: 6543.21,
} as const

describe('a save', () => {
  it('has whole numbers in its outputs', () => {
    expect(saveOutputs(REPORT)).toEqual({
      outcome: 'saved',
      key: 'the-key',
      commit: REPORT.commit,
      bytes: '123456789',
      'unpacked-bytes': '987654321',
      files: '47000',
      'clone-ms': '1000',
      'pack-ms': '2001',
      'upload-ms': '3000',
      'total-ms': '6543',
    })
  })

  it.each([
    ['saved', 'Saved a snapshot of octo/hello main at 0123456: 47,000 files, 123 MB in 6.5 s'],
    ['exists', 'The Actions cache has the snapshot of octo/hello main at 0123456 already'],
    ['young', 'The Actions cache has a snapshot of octo/hello main at 0123456 that is younger than min-age'],
  ] as const)('whose outcome is %s says so in one line', (outcome, line) => {
    expect(saveLine({ ...REPORT, outcome })).toBe(line)
  })
})
