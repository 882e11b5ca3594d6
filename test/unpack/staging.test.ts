import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { removeStaging, Staging } from '../../src/unpack/staging.ts'
import { mountMemory } from '../support/memory-disk.ts'
import { temporary } from '../support/temporary.ts'
import { listing } from './fixture.ts'

interface Place {
  readonly temp: string
  readonly workspace: string
  readonly destination: string
}

/** A runner's directories; the destination is there, and empty. */
function makePlace(): Place {
  const root = temporary()
  const place = {
    temp: join(root, '_temp'),
    workspace: join(root, 'work'),
    destination: join(root, 'work/repo'),
  }
  mkdirSync(place.temp)
  mkdirSync(place.destination, { recursive: true })
  return place
}

function create(destination: string, temp: string, told: string[] = []): Promise<Staging> {
  return Staging.create(destination, { temp, onStaging: (root) => void told.push(root) })
}

function mounted(context: TestContext, directory: string): string {
  mkdirSync(directory, { recursive: true })
  mountMemory(context, directory, 'size=1m')
  return directory
}

function fill(directory: string, names: readonly (string | Buffer)[], content: string): void {
  for (const name of names)
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]), content)
}

const ODD_NAMES = ['a', '.hidden', '-rf', 'new\nline', Buffer.from([0xff, 0xfe]), Buffer.from([0xc3])]

describe('staging', () => {
  it('lies in the temporary directory, where only the owner gets in', async () => {
    const { temp, destination } = makePlace()
    const staging = await create(destination, temp)
    expect(dirname(staging.root)).toBe(temp)
    expect(basename(staging.root)).toMatch(/^\.git-snapshot-[0-9a-f-]{36}$/)
    expect(statSync(staging.root).mode & 0o777).toBe(0o700)
    expect(readdirSync(staging.tree)).toEqual([])
    expect(dirname(staging.scratch)).toBe(staging.root)
    expect(existsSync(staging.scratch)).toBe(false)
  })

  it('leaves nothing in the destination while it is sought', async () => {
    const { temp, destination } = makePlace()
    await create(destination, temp)
    expect(readdirSync(destination)).toEqual([])
  })

  it('is told of before it is there', async () => {
    const { temp, destination } = makePlace()
    const told: string[] = []
    const onStaging = (root: string): void => {
      expect(existsSync(root)).toBe(false)
      told.push(root)
    }
    const staging = await Staging.create(destination, { temp, onStaging })
    expect(told).toEqual([staging.root])
  })

  it('is another one each time', async () => {
    const { temp, destination } = makePlace()
    const roots = await Promise.all(Array.from({ length: 5 }, () => create(destination, temp)))
    expect(new Set(roots.map(({ root }) => root)).size).toBe(5)
  })

  it('lies beside the destination where the temporary directory is on another file system', async (context) => {
    const { temp, workspace, destination } = makePlace()
    const told: string[] = []
    const staging = await create(destination, mounted(context, temp), told)
    expect(dirname(staging.root)).toBe(workspace)
    expect(told.map((root) => dirname(root))).toEqual([temp, workspace])
    expect(readdirSync(temp)).toEqual([])
  })

  it('lies beside the destination where there is no temporary directory', async () => {
    const { workspace, destination } = makePlace()
    const staging = await create(destination, join(workspace, 'no/such'))
    expect(dirname(staging.root)).toBe(workspace)
  })

  it('lies in the destination where that is a file system of its own', async (context) => {
    const { temp, destination } = makePlace()
    fill(mounted(context, destination), ['old'], 'old')
    const staging = await create(destination, temp)
    expect(dirname(staging.root)).toBe(destination)
    fill(staging.tree, ['new'], 'new')
    await staging.swap()
    expect(readdirSync(destination).sort()).toEqual([basename(staging.root), 'new'])
    expect(readdirSync(join(staging.root, 'old'))).toEqual(['old'])
    await staging.leave()
    expect(readdirSync(destination)).toEqual(['new'])
  })

  it('lies above a destination whose parents are missing', async (context) => {
    const { temp, workspace } = makePlace()
    const destination = join(workspace, 'not/yet/there')
    const staging = await create(destination, mounted(context, temp))
    expect(dirname(staging.root)).toBe(workspace)
    fill(staging.tree, ['new'], 'new')
    await staging.swap()
    await staging.leave()
    expect(readdirSync(destination)).toEqual(['new'])
    expect(readdirSync(workspace).sort()).toEqual(['not', 'repo'])
  })

  it('lies nowhere where nothing can be written, which is told with the causes', async (context) => {
    const { temp, destination } = makePlace()
    mountMemory(context, temp, 'ro')
    mountMemory(context, destination, 'ro')
    await expect(create(destination, temp)).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(destination),
      cause: { errors: [expect.anything(), expect.anything(), expect.anything()] },
    })
    expect(readdirSync(dirname(destination))).toEqual(['repo'])
  })
})

describe('the swap', () => {
  it('puts the tree in the place of what was there, whatever it is called', async () => {
    const { temp, destination } = makePlace()
    fill(destination, [...ODD_NAMES, 'only old'], 'old')
    mkdirSync(join(destination, 'd/e'), { recursive: true })
    symlinkSync('nowhere', join(destination, 'l'))
    const before = listing(destination)
    const staging = await create(destination, temp)
    fill(staging.tree, [...ODD_NAMES, 'only new'], 'new')
    mkdirSync(join(staging.tree, 'd/f'), { recursive: true })
    symlinkSync('elsewhere', join(staging.tree, 'l'))
    const after = listing(staging.tree)
    await staging.swap()
    expect(listing(destination)).toEqual(after)
    expect(listing(join(staging.root, 'old'))).toEqual(before)
    expect(readdirSync(staging.tree)).toEqual([])
  })

  it('keeps the destination itself, which may be a working directory or a mount', async () => {
    const { temp, destination } = makePlace()
    const { ino } = statSync(destination)
    const staging = await create(destination, temp)
    fill(staging.tree, ['new'], 'new')
    await staging.swap()
    expect(statSync(destination).ino).toBe(ino)
  })

  it('makes a destination that is not there', async () => {
    const { temp, workspace } = makePlace()
    const destination = join(workspace, 'a/b')
    const staging = await create(destination, temp)
    expect(existsSync(join(workspace, 'a'))).toBe(false)
    fill(staging.tree, ['new'], 'new')
    await staging.swap()
    expect(readdirSync(destination)).toEqual(['new'])
  })

  it.for(['old', 'tree'])(
    'that fails half-way leaves the destination as it was: %s',
    async (part, context) => {
      const { temp, destination } = makePlace()
      fill(destination, [...ODD_NAMES, 'only old'], 'old')
      const staging = await create(destination, temp)
      fill(staging.tree, [...ODD_NAMES, 'only new'], 'new')
      const stuck = join(part === 'old' ? destination : staging.tree, 'stuck')
      // A mount point cannot be renamed.
      mounted(context, stuck)
      const [before, tree] = [listing(destination), listing(staging.tree)]
      await expect(staging.swap()).rejects.toMatchObject({
        code: 'WRITE_FAILED',
        message: `the tree could not be moved into ${destination}; it is as it was`,
        cause: expect.objectContaining({ message: expect.stringContaining('stuck') }),
      })
      expect(listing(destination)).toEqual(before)
      expect(listing(staging.tree)).toEqual(tree)
      expect(readdirSync(join(staging.root, 'old'))).toEqual([])
    },
  )
})

describe('after the swap', () => {
  it('the old entries are left for later', async () => {
    const { temp, destination } = makePlace()
    fill(destination, ['a'], 'old')
    const staging = await create(destination, temp)
    await staging.swap()
    await staging.leave()
    expect(readdirSync(join(staging.root, 'old'))).toEqual(['a'])
    await removeStaging(staging.root)
    expect(readdirSync(temp)).toEqual([])
  })

  it('nothing is left where there were none', async () => {
    const { temp, destination } = makePlace()
    const staging = await create(destination, temp)
    await staging.swap()
    await staging.leave()
    expect(readdirSync(temp)).toEqual([])
  })

  it('all can be removed at any time, and more than once', async () => {
    const { temp, destination } = makePlace()
    const staging = await create(destination, temp)
    fill(staging.tree, ODD_NAMES, 'x')
    await staging.remove()
    await staging.remove()
    expect(readdirSync(temp)).toEqual([])
    expect(readdirSync(destination)).toEqual([])
  })
})
