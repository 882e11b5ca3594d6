import { chmodSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { loosen } from './forging.ts'
import { useScene } from './scene.ts'

const scene = useScene()

interface Damage {
  readonly what: string
  readonly damage: (tree: string) => Promise<unknown> | unknown
  /** Default `fetched`. */
  readonly outcome?: 'restored'
  /** Default: the snapshot's. */
  readonly wanted?: 'before' | 'wanted'
}

const packs = (tree: string) => join(tree, '.git/objects/pack')

async function packOf(tree: string, suffix: string): Promise<string> {
  const name = readdirSync(packs(tree)).find((file) => file.endsWith(suffix)) ?? ''
  chmodSync(join(packs(tree), name), 0o644)
  return join(packs(tree), name)
}

async function objectFile(tree: string, revision: string): Promise<string> {
  const id = await git(scene.clone, 'rev-parse', revision)
  const path = join(tree, '.git/objects', id.slice(0, 2), id.slice(2))
  chmodSync(path, 0o644)
  return path
}

/** Takes an object away. */
const missing = (revision: string) => async (tree: string) => {
  await loosen(tree)
  rmSync(await objectFile(tree, revision))
}

const noZlib = (revision: string) => async (tree: string) => {
  await loosen(tree)
  writeFileSync(await objectFile(tree, revision), 'not zlib')
}

const DAMAGES: readonly Damage[] = [
  { what: 'a pack cut in half', damage: async (tree) => truncateSync(await packOf(tree, '.pack'), 300) },
  {
    what: 'a pack without its last byte',
    damage: async (tree) => {
      const pack = await packOf(tree, '.pack')
      truncateSync(pack, statSync(pack).size - 1)
    },
  },
  { what: 'a pack without its index', damage: async (tree) => rmSync(await packOf(tree, '.idx')) },
  {
    what: 'a pack whose index is nonsense',
    damage: async (tree) => writeFileSync(await packOf(tree, '.idx'), 'nonsense'),
  },
  ...['HEAD', 'HEAD^{tree}', 'HEAD:src'].map((revision) => ({
    what: `a loose object that is no zlib, ${revision}`,
    damage: noZlib(revision),
  })),
  ...['HEAD', 'HEAD^{tree}', 'HEAD:src', 'HEAD:README.md'].map((revision) => ({
    what: `an object that is missing, ${revision}`,
    damage: missing(revision),
  })),
  {
    what: 'a blob that is missing, which only the wanted older commit has',
    damage: missing('HEAD~1:a.txt'),
    wanted: 'before',
  },
  {
    what: 'a blob that is no zlib, which only the wanted older commit has',
    damage: noZlib('HEAD~1:a.txt'),
    wanted: 'before',
  },
  {
    what: 'a blob that is missing, which the newer commit has too',
    damage: missing('HEAD:README.md'),
    wanted: 'wanted',
  },
  {
    what: 'a blob that is no zlib, which what is fetched builds on',
    damage: noZlib('HEAD:large.bin'),
    wanted: 'wanted',
  },
  {
    what: 'an index that is nonsense, which is not taken over',
    damage: (tree) => writeFileSync(join(tree, '.git/index'), 'nonsense'),
    outcome: 'restored',
  },
  {
    what: 'a branch that names no object',
    damage: (tree) => writeFileSync(join(tree, '.git/refs/heads/main'), `${'1'.repeat(40)}\n`),
  },
]

describe('a snapshot with damaged objects', () => {
  it.each(DAMAGES)('T97: $what', async ({ damage, outcome = 'fetched', wanted }) => {
    const tree = await scene.copyOf(scene.clone)
    await damage(tree)
    await scene.serve(tree)
    const commit = scene.commits[wanted ?? 'snapshot']
    const { workspace, report, warnings } = await scene.restore({ commit })
    expect({ outcome: report.outcome, warnings }).toEqual({
      outcome,
      warnings: outcome === 'restored' ? [] : [expect.stringContaining('It is fetched from')],
    })
    await scene.expectCommit(workspace, commit)
    expect(await git(workspace, 'fsck', '--no-dangling', '--no-progress')).toBe('')
  })
})

describe('a snapshot with an odd HEAD is refused', () => {
  it.each<[string, string | Buffer]>([
    ['a HEAD that leads out of refs', 'ref: ../../x\n'],
    ['a HEAD that leads out of refs by its name', 'ref: refs/heads/../../config\n'],
    ['a HEAD of one line of 1 MiB', `ref: refs/heads/${'a'.repeat(1024 ** 2)}\n`],
    ['a HEAD of bytes', Buffer.from([0, 1, 2, 255, 254, 10, 0])],
    ['an empty HEAD', ''],
    ['a HEAD of two lines', 'ref: refs/heads/main\nref: refs/heads/x\n'],
  ])('T98: %s', async (_, head) => {
    const tree = await scene.copyOf(scene.clone)
    writeFileSync(join(tree, '.git/HEAD'), head)
    await scene.serve(tree)
    await scene.expectFailure(
      { inputs: { 'on-miss': 'fail' } },
      'UNSAFE_GIT',
      / restored: The snapshot's \.git was refused: its HEAD/,
    )
    const { workspace, report } = await scene.restore()
    expect(report.outcome).toBe('fetched')
    await scene.expectCommit(workspace)
  })
})
