import { readdirSync, writeFileSync } from 'node:fs'
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

const REMOTE = 'https://github.com/octo/project'

const probe = (patterns?: readonly string[], isCone = true) =>
  probeGit(join(root, 'probe'), gitContext, {
    remoteUrl: REMOTE,
    sparse: patterns && { patterns, isCone },
  })

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
    await expect(probe(['/src'])).rejects.toThrow(/in cone mode directories without a leading slash/)
    expect(readdirSync(root)).toEqual([])
  })

  it.each<[string, 'kept' | 'converted']>([
    ['https://github.com/octo/**', 'converted'],
    ['https://github.com/other/**', 'kept'],
  ])('what it does for remotes as %s, where the text of the config has none', async (remotes, content) => {
    const [global, included] = [join(root, 'global'), join(root, 'included')]
    writeFileSync(global, `[includeIf "hasconfig:remote.*.url:${remotes}"]\n\tpath = ${included}\n`)
    writeFileSync(included, '[core]\n\tautocrlf = true\n')
    const context = { ...gitContext, env: { ...gitContext.env, GIT_CONFIG_GLOBAL: global } }
    const expected = { remoteUrl: REMOTE, sparse: { patterns: ['src'], isCone: true } }
    const { config, fileForm } = await probeGit(join(root, 'probe'), context, expected)
    expect(fileForm.content).toBe(content)
    expect(config).not.toContain('remote')
  })
})
