import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { probeConfig } from '../../src/git/fresh-config.ts'
import { probeGit } from '../../src/git/probe.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let root: string

beforeEach(() => {
  root = temporary()
})

const probe = (patterns?: readonly string[], isCone = true) =>
  probeGit(join(root, 'probe'), gitContext, patterns && { patterns, isCone })

describe('git is asked', () => {
  it('for nothing of a sparse checkout where none is wanted', async () => {
    expect(await probe()).toEqual({
      config: await probeConfig(join(root, 'other'), gitContext),
      fileForm: { content: 'kept', symlinks: 'links' },
      sparse: undefined,
      cone: undefined,
    })
    expect(readdirSync(root)).toEqual([])
  })

  it('for the cone of directories', async () => {
    const { sparse, cone } = await probe(['src/deep/', 'docs'])
    expect(sparse?.patterns).toBe('/*\n!/*/\n/src/\n!/src/*/\n/docs/\n/src/deep/\n')
    expect(['top', 'src/f', 'src/deep/f', 'src/other/f'].filter((path) => cone?.hasFile(path))).toEqual([
      'top',
      'src/f',
      'src/deep/f',
    ])
    expect(readdirSync(root)).toEqual([])
  })

  it('for patterns that are no cone', async () => {
    const { sparse, cone } = await probe(['/src/*.ts', '!/src/new.ts'], false)
    expect(sparse?.patterns).toBe('\n/src/*.ts\n!/src/new.ts\n')
    expect(cone).toBeUndefined()
  })

  it('before anything else whether it takes the lines for directories', async () => {
    await expect(probe(['/src'])).rejects.toThrow(/no leading slash/)
    expect(readdirSync(root)).toEqual([])
  })
})
