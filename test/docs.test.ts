import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { validateWorkflow } from '@action-validator/core'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { readAction } from '../scripts/action-yml.ts'
import { parseInputs } from '../src/inputs.ts'
import { parseSaveInputs } from '../src/save/inputs.ts'
import { parseWarmInputs } from '../src/warm/inputs.ts'
import { inputReader } from './support/action-metadata.ts'
import {
  afterDiff,
  anchorsOf,
  type Block,
  beforeDiff,
  blocksOf,
  linksOf,
  pages,
  readPage,
} from './support/documents.ts'
import { EXPRESSED } from './support/restore-arguments.ts'
import { ownAction, stepsOf, wholeWorkflow } from './support/workflow-snippet.ts'

const root = join(import.meta.dirname, '..')
const blocks = pages().flatMap(blocksOf)
const where = ({ page, line }: { page: string; line: number }) => `${page}:${line}`

/** What is to be had of a block that is no workflow; undefined where it is as it should be. */
const CHECKS: Readonly<Record<string, (text: string) => string | undefined>> = {
  text: () => undefined,
  sh: () => undefined,
  json: (text) => void JSON.parse(text),
  dotenv: (text) =>
    text
      .trim()
      .split('\n')
      .find((line) => !/^[A-Z_]+=\S/.test(line)),
  mermaid: (text) => (/^(flowchart|sequenceDiagram|gantt)\b/.test(text) ? undefined : text.split('\n', 1)[0]),
}

/** The workflows that a block stands for. */
function workflowsIn({ language, text }: Block): readonly string[] {
  if (language === 'yaml') return [text]
  return language === 'diff' ? [beforeDiff(text), afterDiff(text)] : []
}

const snippets = blocks.flatMap((block) =>
  workflowsIn(block).map((text, index) => [`${where(block)}${index === 1 ? ', after' : ''}`, text] as const),
)

const PARSERS = { '.': parseInputs, save: parseSaveInputs, warm: parseWarmInputs }
const ENV = { GITHUB_WORKSPACE: root, GITHUB_REPOSITORY: 'octo/app', GITHUB_SERVER_URL: 'https://github.com' }

describe('the documentation', () => {
  it('says of each fenced block what it is, in a language that is checked here', () => {
    const known = [...Object.keys(CHECKS), 'yaml', 'diff']
    expect(blocks.filter(({ language }) => !known.includes(language)).map(where)).toEqual([])
  })

  it('has no JSON, environment file or diagram that is none', () => {
    for (const block of blocks)
      expect([where(block), CHECKS[block.language]?.(block.text)]).toEqual([where(block), undefined])
  })

  it.each(snippets)('has a valid workflow, or a part of one, at %s', (_, text) => {
    expect(validateWorkflow(stringify(wholeWorkflow(text))).errors).toEqual([])
  })

  it.each(snippets)('gives actions only inputs that they take, at %s', (_, text) => {
    for (const step of stepsOf(wholeWorkflow(text))) {
      const own = ownAction(step, (expression) => `value-of-${expression}`)
      if (own === undefined) continue
      const described = readAction(readFileSync(join(root, own.directory, 'action.yml'), 'utf8')).inputs
      expect(described.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(own.inputs)))
      const defaults = new Map(described.map(({ name, default: value = '' }) => [name, value]))
      PARSERS[own.directory](inputReader(defaults, { ...EXPRESSED, ...own.inputs }), ENV)
    }
  })

  it('names only scripts that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const named = pages().flatMap((page) => [...readPage(page).matchAll(/npm run(?: --silent)? ([a-z-]+)/g)])
    expect(named.map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([])
  })

  it('asks for no more than to read, but for an ID token', () => {
    const grants = snippets.flatMap(([, text]) => {
      const { permissions, jobs } = wholeWorkflow(text)
      return [permissions, ...Object.values(jobs).map((job) => job.permissions)]
    })
    const allowed = ['contents: read', 'id-token: write']
    const given = grants.flatMap((grant) =>
      Object.entries(grant ?? {}).map(([name, value]) => `${name}: ${value}`),
    )
    expect(given.filter((grant) => !allowed.includes(grant))).toEqual([])
  })

  it.each(pages())('has no link in %s that leads nowhere', (page) => {
    const local = linksOf(page).filter(({ target }) => !/^[a-z]+:/.test(target))
    const broken = local.filter(({ target }) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : relative(root, join(root, dirname(page), path))
      if (!existsSync(join(root, file))) return true
      return (
        anchor !== undefined && (statSync(join(root, file)).isDirectory() || !anchorsOf(file).has(anchor))
      )
    })
    expect(broken.map((link) => `${where(link)} ${link.target}`)).toEqual([])
  })
})
