import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveDestination } from '../src/destination.ts'

let base: string
let workspace: string

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'destination-')))
  workspace = join(base, 'workspace')
  await mkdir(workspace)
  await mkdir(join(base, 'outside'))
})

afterEach(async () => {
  await rm(base, { recursive: true })
})

async function refusal(destination: string, from = workspace): Promise<string> {
  const error: unknown = await resolveDestination(from, destination).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'INVALID_INPUT' })
  return (error as Error).message
}

describe('the destination on disk', () => {
  it('is the workspace itself, or a directory in it that is there or not', async () => {
    await mkdir(join(workspace, 'there'))
    expect(await resolveDestination(workspace, workspace)).toBe(workspace)
    for (const way of ['there', 'there/not', 'not/there/either']) {
      expect(await resolveDestination(workspace, join(workspace, way))).toBe(join(workspace, way))
    }
  })

  it('is found where the workspace lies behind a symlink', async () => {
    const link = join(base, 'link')
    await symlink(workspace, link)
    expect(await resolveDestination(link, link)).toBe(workspace)
    expect(await resolveDestination(link, join(link, 'sub'))).toBe(join(workspace, 'sub'))
  })

  it('may be reached through a symlink that stays inside', async () => {
    await mkdir(join(workspace, 'real'))
    await symlink('real', join(workspace, 'link'))
    expect(await resolveDestination(workspace, join(workspace, 'link', 'sub'))).toBe(
      join(workspace, 'real', 'sub'),
    )
  })

  it.each(['link/sub', 'link/deep/er'])('is refused where %s leads outside', async (way) => {
    await symlink(join(base, 'outside'), join(workspace, 'link'))
    expect(await refusal(join(workspace, way))).toContain('leads outside of the workspace')
  })

  it('is refused where it is a symlink, even to a place inside or to nothing', async () => {
    await mkdir(join(workspace, 'real'))
    await symlink('real', join(workspace, 'inside'))
    await symlink('nothing', join(workspace, 'dangling'))
    expect(await refusal(join(workspace, 'inside'))).toContain('it is a symlink')
    expect(await refusal(join(workspace, 'dangling'))).toContain('it is a symlink')
  })

  it('is refused behind a symlink that leads nowhere or in circles', async () => {
    await symlink('nothing', join(workspace, 'dangling'))
    await symlink('loop', join(workspace, 'loop'))
    expect(await refusal(join(workspace, 'dangling', 'sub'))).toContain('leads nowhere')
    expect(await refusal(join(workspace, 'loop', 'sub'))).toContain('cannot be reached')
  })

  it('may be a file, which is to make room, but not below one', async () => {
    await writeFile(join(workspace, 'file'), '')
    expect(await resolveDestination(workspace, join(workspace, 'file'))).toBe(join(workspace, 'file'))
    expect(await refusal(join(workspace, 'file', 'sub'))).toContain('cannot be reached')
  })

  it('is refused where the workspace is missing or a file', async () => {
    await writeFile(join(base, 'file'), '')
    expect(await refusal(join(base, 'gone', 'x'), join(base, 'gone'))).toContain('GITHUB_WORKSPACE')
    expect(await refusal(join(base, 'file'), join(base, 'file'))).toContain('not a directory')
  })
})
