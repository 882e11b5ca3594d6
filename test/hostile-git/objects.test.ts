import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { git, gitBytes } from '../support/git-repo.ts'
import { Scene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await Scene.start()
})
afterAll(() => scene.close())
afterEach(() => scene.canary.reset())

interface Damage {
  readonly id: 'T97'
  readonly what: string
  readonly damage: (tree: string) => Promise<unknown>
  readonly outcome: 'restored' | 'fetched'
  /** Default: the snapshot's. */
  readonly wanted?: 'before' | 'wanted'
}

const packs = (tree: string) => join(tree, '.git/objects/pack')

async function packOf(tree: string, suffix: string): Promise<string> {
  const name = readdirSync(packs(tree)).find((file) => file.endsWith(suffix)) ?? ''
  chmodSync(join(packs(tree), name), 0o644)
  return join(packs(tree), name)
}

/** Every object in a file of its own. */
async function loosen(tree: string): Promise<void> {
  const pack = await packOf(tree, '.pack')
  const bytes = readFileSync(pack)
  rmSync(packs(tree), { recursive: true })
  await gitBytes(tree, ['unpack-objects', '-q'], bytes)
}

async function objectFile(tree: string, revision: string): Promise<string> {
  const id = await git(scene.clone, 'rev-parse', revision)
  const path = join(tree, '.git/objects', id.slice(0, 2), id.slice(2))
  chmodSync(path, 0o644)
  return path
}

const DAMAGES: readonly Damage[] = [
  {
    id: 'T97',
    what: 'a pack cut in half',
    damage: async (tree) => truncateSync(await packOf(tree, '.pack'), 300),
    outcome: 'fetched',
  },
  {
    id: 'T97',
    what: 'a pack without its last byte',
    damage: async (tree) => {
      const pack = await packOf(tree, '.pack')
      truncateSync(pack, statSync(pack).size - 1)
    },
    outcome: 'fetched',
  },
  {
    id: 'T97',
    what: 'a pack without its index',
    damage: async (tree) => rmSync(await packOf(tree, '.idx')),
    outcome: 'fetched',
  },
  {
    id: 'T97',
    what: 'a pack whose index is nonsense',
    damage: async (tree) => writeFileSync(await packOf(tree, '.idx'), 'nonsense'),
    outcome: 'fetched',
  },
  ...(['HEAD', 'HEAD^{tree}', 'HEAD:src'] as const).map(
    (revision): Damage => ({
      id: 'T97',
      what: `a loose object that is no zlib, ${revision}`,
      damage: async (tree) => {
        await loosen(tree)
        writeFileSync(await objectFile(tree, revision), 'not zlib')
      },
      outcome: 'fetched',
    }),
  ),
  ...(['HEAD', 'HEAD^{tree}', 'HEAD:src', 'HEAD:README.md'] as const).map(
    (revision): Damage => ({
      id: 'T97',
      what: `an object that is missing, ${revision}`,
      damage: async (tree) => {
        await loosen(tree)
        rmSync(await objectFile(tree, revision))
      },
      outcome: 'fetched',
    }),
  ),
  {
    id: 'T97',
    what: 'a blob that is missing, which only the wanted older commit has',
    damage: async (tree) => {
      await loosen(tree)
      rmSync(await objectFile(tree, 'HEAD~1:a.txt'))
    },
    outcome: 'fetched',
    wanted: 'before',
  },
  {
    id: 'T97',
    what: 'a blob that is no zlib, which only the wanted older commit has',
    damage: async (tree) => {
      await loosen(tree)
      writeFileSync(await objectFile(tree, 'HEAD~1:a.txt'), 'not zlib')
    },
    outcome: 'fetched',
    wanted: 'before',
  },
  {
    id: 'T97',
    what: 'a blob that is missing, which the newer commit has too',
    damage: async (tree) => {
      await loosen(tree)
      rmSync(await objectFile(tree, 'HEAD:README.md'))
    },
    outcome: 'fetched',
    wanted: 'wanted',
  },
  {
    id: 'T97',
    what: 'a blob that is no zlib, which what is fetched builds on',
    damage: async (tree) => {
      await loosen(tree)
      writeFileSync(await objectFile(tree, 'HEAD:large.bin'), 'not zlib')
    },
    outcome: 'fetched',
    wanted: 'wanted',
  },
  {
    id: 'T97',
    what: 'an index that is nonsense, which is not taken over',
    damage: async (tree) => writeFileSync(join(tree, '.git/index'), 'nonsense'),
    outcome: 'restored',
  },
  {
    id: 'T97',
    what: 'a branch that names no object',
    damage: async (tree) => writeFileSync(join(tree, '.git/refs/heads/main'), `${'1'.repeat(40)}\n`),
    outcome: 'fetched',
  },
]

describe('a snapshot with damaged objects', () => {
  it.each(DAMAGES)('$id: $what', async (row) => {
    const { damage, outcome, wanted } = row
    const tree = await scene.copyOf(scene.clone)
    await damage(tree)
    await scene.serve(tree)
    const commit = scene.commits[wanted ?? 'snapshot']
    const { workspace, report, warnings } = await scene.restore({ commit })
    expect({ outcome: report.outcome, warnings }).toEqual({
      outcome,
      warnings: outcome === 'restored' ? [] : [expect.stringContaining('is fetched from')],
    })
    await scene.expectCommit(workspace, commit)
    expect(await git(workspace, 'fsck', '--no-dangling', '--no-progress')).toBe('')
  })
})

interface Head {
  readonly id: 'T98'
  readonly what: string
  readonly head: string | Buffer
}

const HEADS: readonly Head[] = [
  { id: 'T98', what: 'a HEAD that leads out of refs', head: 'ref: ../../x\n' },
  { id: 'T98', what: 'a HEAD that leads out of refs by its name', head: 'ref: refs/heads/../../config\n' },
  { id: 'T98', what: 'a HEAD of one line of 1 MiB', head: `ref: refs/heads/${'a'.repeat(1024 ** 2)}\n` },
  { id: 'T98', what: 'a HEAD of bytes', head: Buffer.from([0, 1, 2, 255, 254, 10, 0]) },
  { id: 'T98', what: 'an empty HEAD', head: '' },
  { id: 'T98', what: 'a HEAD of two lines', head: 'ref: refs/heads/main\nref: refs/heads/x\n' },
]

describe('a snapshot with an odd HEAD is refused', () => {
  it.each(HEADS)('$id: $what', async ({ head }) => {
    const tree = await scene.copyOf(scene.clone)
    writeFileSync(join(tree, '.git/HEAD'), head)
    await scene.serve(tree)
    await scene.expectFailure(
      { inputs: { 'on-miss': 'fail' } },
      'UNSAFE_GIT',
      /^The snapshot's \.git was refused: its HEAD/,
    )
    const { workspace, report } = await scene.restore()
    expect(report.outcome).toBe('fetched')
    await scene.expectCommit(workspace)
  })
})
