import { describe, expect, it } from 'vitest'
import { git } from './support/git-repo.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'
import { listTree } from './support/working-copy.ts'

const project = useServedProject()

const sparse = { patterns: ['src/many', 'bin'], isCone: true }
const inCone = /^([^/]+|(src|src\/many|bin)\/[^/]+)$/

const trackedFiles = async () => (await git(project.clone, 'ls-files')).split('\n')

describe('a sparse restore', () => {
  it('unpacks the files of its directories and of those above them, and no others', async () => {
    const whole = await new Run(project).restore()
    const some = await new Run(project).restore({ sparse })
    const leftOut = (await trackedFiles()).filter((path) => !inCone.test(path))
    expect(leftOut.length).toBeGreaterThan(5)
    expect((whole.snapshot?.files ?? 0) - (some.snapshot?.files ?? 0)).toBe(leftOut.length)
  })

  it('unpacks all files where the patterns are no directories', async () => {
    const whole = await new Run(project).restore()
    const some = await new Run(project).restore({ sparse: { patterns: ['/src/'], isCone: false } })
    expect(some.snapshot?.files).toBe(whole.snapshot?.files)
  })

  it('is whole once git is told to end it', async () => {
    const run = new Run(project)
    await run.restore({ sparse })
    expect(await git(run.workspace, 'ls-files', '-t')).toMatch(/^S /m)
    await git(run.workspace, 'sparse-checkout', 'disable')
    expect(listTree(run.workspace, { without: '.git' })).toEqual(listTree(project.clone, { without: '.git' }))
    expect(await git(run.workspace, 'ls-files', '-t')).not.toMatch(/^S /m)
    expect(await git(run.workspace, 'status', '--porcelain', '--ignored')).toBe('')
    expect(await git(run.workspace, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')
  })

  it('may have other directories afterwards', async () => {
    const run = new Run(project)
    await run.restore({ sparse })
    await git(run.workspace, 'sparse-checkout', 'set', 'data')
    const files = (await git(run.workspace, 'ls-files', '-t')).split('\n')
    const there = files.filter((line) => line.startsWith('H ')).length
    expect(there).toBe((await trackedFiles()).filter((path) => /^([^/]+|"?data\/.*)$/.test(path)).length)
    expect(await git(run.workspace, 'status', '--porcelain')).toBe('')
  })

  it.each([
    ['/src', ['bin', '/src']],
    ['*.md', ['*.md']],
    ['!docs', ['!docs']],
  ])('blames the input, and fetches nothing, where cone mode is given %s', async (pattern, patterns) => {
    const run = new Run(project)
    const error = await run.failing({ sparse: { patterns, isCone: true }, onMiss: 'fetch' })
    expect(error).toMatchObject({
      code: 'INVALID_INPUT',
      message:
        `Input sparse-checkout has "${pattern}": in cone mode directories without a leading slash are allowed; ` +
        'for patterns set sparse-checkout-cone-mode: false',
    })
    expect(run.lines.join('\n')).not.toContain('No snapshot of')
    expect(project.server.log.length).toBeLessThanOrEqual(1)
  })
})
