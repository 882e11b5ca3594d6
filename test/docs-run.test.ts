import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Azurite, startAzurite } from './support/azurite.ts'
import { DocumentedStage } from './support/documented-stage.ts'
import { type Block, blocksOf, pages } from './support/documents.ts'
import { skipWithout } from './support/programs.ts'
import { temporary } from './support/temporary.ts'

type Section = {
  /** Another section, which the reader has to have followed. */
  readonly after?: string
  /** What its steps come to, one after the other. */
  readonly comes: readonly string[]
}

const SAVED = 'README.md: With nothing but GitHub'
const SAVED_FULL = 'docs/migration.md: Jobs that need the whole history'
const KEPT = 'docs/self-hosted.md: What stays from job to job'
const BY_HAND = 'docs/cachew.md: A snapshot made by hand'

const RUN: Readonly<Record<string, Section>> = {
  'README.md: git-snapshot': { after: SAVED, comes: ['restored from actions-cache'] },
  [SAVED]: { comes: ['saved', 'restored from actions-cache'] },
  'README.md: With a Cachew server': { comes: ['restored from cachew', 'restored from cachew'] },
  'README.md: On self-hosted runners': { comes: ['restored from cachew'] },
  'docs/cachew.md: A Cachew server': { comes: ['restored from cachew', 'restored from cachew'] },
  'docs/cachew.md: Without a secret': { comes: ['restored from cachew'] },
  'docs/cachew.md: Several servers': { comes: ['restored from cachew'] },
  'docs/cachew.md: Any web server': { after: BY_HAND, comes: ['restored from url'] },
  [BY_HAND]: { comes: ['restored from url'] },
  'docs/migration.md: From actions/checkout, step by step': {
    after: SAVED,
    comes: ['restored from actions-cache'],
  },
  [SAVED_FULL]: { comes: ['saved', 'saved', 'restored from actions-cache'] },
  'docs/migration.md: From a cache of your own': {
    after: SAVED_FULL,
    comes: ['restored from actions-cache'],
  },
  'docs/report.md: The report of a step': { after: SAVED, comes: ['restored from actions-cache'] },
  [KEPT]: { after: KEPT, comes: ['restored from store'] },
  'docs/self-hosted.md: For all jobs of a runner': { comes: ['restored from cachew'] },
  'docs/self-hosted.md: Containers': { comes: ['restored from cachew'] },
  'docs/tuning.md: Memory': { after: SAVED, comes: ['restored from actions-cache', 'restored from cachew'] },
  'docs/tuning.md: Fewer files': { after: SAVED, comes: ['restored from actions-cache'] },
  'docs/tuning.md: Fresher snapshots': { comes: ['saved'] },
  'docs/warm.md: Warming snapshots': { comes: ['found: true'] },
}

/** Sections whose blocks are not run here, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'README.md: Development': 'it is what runs this test, and the demo, which runs below',
  'AGENTS.md: The gate': 'this test is a part of it',
  'docs/releasing.md: A release': 'it changes the version',
  'docs/releasing.md: Who uses it can check it': 'it asks GitHub',
}

const RUNNABLE = ['yaml', 'diff', 'sh', 'dotenv']
const sections = Map.groupBy(
  pages()
    .flatMap(blocksOf)
    .filter(({ language }) => RUNNABLE.includes(language)),
  ({ page, heading }: Block) => `${page}: ${heading}`,
)

let azurite: Azurite

beforeAll(async () => {
  azurite = await startAzurite()
  return () => azurite.close()
})
beforeEach((context) => skipWithout(context, 'nginx', 'tar', 'zstd', 'pzstd', 'jq'))

async function follow(stage: DocumentedStage, section: string): Promise<string[]> {
  const came: string[] = []
  for (const block of sections.get(section) ?? []) came.push(...(await stage.play(block)))
  return came
}

describe('the documentation', () => {
  it('has no step or command of which nobody says whether it is run', () => {
    expect([...sections.keys()].sort()).toEqual([...Object.keys(RUN), ...Object.keys(NOT_RUN)].sort())
  })

  it.each(Object.entries(RUN))('does what it says: %s', async (section, { after, comes }) => {
    const stage = await DocumentedStage.start(azurite)
    if (after !== undefined) await follow(stage, after)
    expect(await follow(stage, section)).toEqual(comes)
  })

  it('has a demo that restores a repository', async () => {
    const demo = join(import.meta.dirname, '..', 'scripts', 'demo.ts')
    const env = { ...process.env, TMPDIR: temporary() }
    const { stdout } = await promisify(execFile)(process.execPath, [demo], { env })
    expect(stdout).toMatch(/^git status: +clean$/m)
  })
})
