import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsOf, expectRestored, run } from '../support/action-run.ts'
import { failing } from '../support/failing-step.ts'
import { mounted } from '../support/memory-disk.ts'
import { leftIn, type Place, usedPlace } from '../support/place.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import { listTree } from '../support/working-copy.ts'
import { expectRight } from './scene.ts'

const project = useServedProject()

/** Restores into the place, post step included. */
async function expectRestores(place: Place, inputs = {}): Promise<void> {
  const result = await run({ ...place, ...restoring(project, { inputs }) })
  expectRestored(result)
  await result.runPost()
}

describe('F120: a destination', () => {
  it('F120: that has files and a directory of another kind in it is replaced', async () => {
    const place = usedPlace()
    mkdirSync(join(place.workspace, 'data', 'large.bin'), { recursive: true })
    writeFileSync(join(place.workspace, 'src'), 'a file where a directory goes')
    await expectRestores(place)
    await expectRight(place, project)
    expect(leftIn(place)).toEqual([])
  })

  it('F120: that is the working directory of the step stays the same directory', async () => {
    const place = usedPlace()
    const { ino } = statSync(place.workspace)
    await expectRestores(place)
    expect(statSync(place.workspace).ino).toBe(ino)
  })

  it('F120: that is a file makes room for the working copy', async () => {
    const place = usedPlace()
    await expectRestores(place, { path: 'run.sh' })
    const tree = join(place.workspace, 'run.sh')
    expect(listTree(tree, { without: '.git' })).toEqual(listTree(project.clone, { without: '.git' }))
    expect(leftIn(place)).toEqual([])
  })

  it.each([
    ['to a directory of the workspace', 'inside'],
    ['out of the workspace', '/'],
    ['nowhere', 'nothing'],
    ['to itself', 'away'],
  ])('F120: that is a symlink %s is refused', async (_, target) => {
    const place = usedPlace()
    mkdirSync(join(place.workspace, 'inside'))
    symlinkSync(target, join(place.workspace, 'away'))
    const { error } = await failing(place, restoring(project, { inputs: { path: 'away' } }))
    expect(error).toContain('Input path leads to ')
    expect(project.server.log).toEqual([])
  })

  it('F120: that is a symlink is refused with what it leads to untouched', async () => {
    const place = usedPlace()
    const outside = temporary()
    writeFileSync(join(outside, 'mine'), 'mine')
    symlinkSync(outside, join(place.workspace, 'away'))
    await failing(place, restoring(project, { inputs: { path: 'away/below' } }))
    expect(listTree(outside)).toHaveLength(1)
    expect(readFileSync(join(outside, 'mine'), 'utf8')).toBe('mine')
  })

  it('F120: that may only be read is refused, in words', async (context) => {
    const place = usedPlace()
    const root = mounted(context, 'size=1m')
    writeFileSync(join(root, 'old'), 'old')
    rmSync(place.workspace, { recursive: true })
    mkdirSync(place.workspace)
    execFileSync('mount', ['--bind', root, place.workspace])
    context.onTestFinished(() => void execFileSync('umount', ['--lazy', place.workspace]))
    execFileSync('mount', ['-o', 'remount,bind,ro', place.workspace])
    const { error } = await failing(place, restoring(project))
    expect(error).toMatch(/^no directory from which a tree can be moved into .*EROFS/)
  })

  it('F120: on another file system than the temporary directory gets its tree from within', async (context) => {
    const place = usedPlace()
    const workspace = mounted(context, 'size=32m')
    writeFileSync(join(workspace, 'old'), 'old')
    await expectRestores({ ...place, workspace })
    await expectRight({ ...place, workspace }, project)
    expect(leftIn(place)).toEqual([])
  })

  it('F120: below directories that are not there yet is made', async () => {
    const place = usedPlace()
    await expectRestores(place, { path: 'a/b/c' })
    await expectRight({ ...place, workspace: join(place.workspace, 'a', 'b', 'c') }, project)
    expect(readFileSync(join(place.workspace, 'run.sh'), 'utf8')).toBe('exit 1\n')
  })

  it('F120: with names that a shell or a pattern would take apart', async () => {
    const place = usedPlace()
    const path = '-rf $(touch x) `y` *[a]?\'"; é'
    await expectRestores(place, { path })
    await expectRight({ ...place, workspace: join(place.workspace, path) }, project)
  })
})

it('F117: the place where the job looks for outputs may be full: the step fails in words', async (context) => {
  const place = usedPlace()
  const full = join(mounted(context, 'size=4k'), 'state')
  writeFileSync(full, 'x'.repeat(4096))
  const before = listTree(place.workspace)
  const result = await run({ ...place, ...restoring(project, { env: { GITHUB_STATE: full } }) })
  expect(result).toMatchObject({ exitCode: 1, stderr: '' })
  expect(errorsOf(result).join()).toContain('ENOSPC')
  expect(listTree(place.workspace)).toEqual(before)
  expect(leftIn(place)).toEqual([])
})
