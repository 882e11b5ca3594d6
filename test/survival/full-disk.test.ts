import { describe, expect, it } from 'vitest'
import { expectRestored, run } from '../support/action-run.ts'
import { failing } from '../support/failing-step.ts'
import { mounted } from '../support/memory-disk.ts'
import { usedPlace } from '../support/place.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { expectRight, gitInstead } from './scene.ts'

const project = useServedProject()

const NO_SPACE = /no space is left|No space left|ENOSPC/

describe('a disk that is full leaves the workspace as it was and nothing else, and is told with its numbers:', () => {
  it.for([64, 256, 1024, 2048, 3072])(
    'F117: %i KiB for everything, restored from a snapshot',
    async (kibibytes, context) => {
      const root = mounted(context, `size=${kibibytes}k`)
      const place = usedPlace(root)
      const { error } = await failing(place, restoring(project))
      expect(error).toMatch(/no space is left|No space left|does not fit/)
      expect(error).toContain(`the file system of ${root} has `)
      expect(error).toMatch(/KiB|MiB/)
      expect(error).toContain('free some space, or use a runner with a larger disk')
    },
  )

  it('F117: as much as is needed is enough', async (context) => {
    const place = usedPlace(mounted(context, 'size=12m'))
    expectRestored(await run({ ...place, ...restoring(project) }))
    await expectRight(place, project)
  })

  it.for([256, 1024])('F117: %i KiB for everything, fetched by git', async (kibibytes, context) => {
    const root = mounted(context, `size=${kibibytes}k`)
    const place = usedPlace(root)
    const env = {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `url.${project.server.url}/git/github.com/.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://github.com/',
      GIT_CONFIG_KEY_1: 'safe.directory',
      GIT_CONFIG_VALUE_1: project.upstream.directory,
    }
    const github = { sha: project.snapshot.commit }
    const { error } = await failing(place, { inputs: { server: '' }, github, env })
    expect(error).toMatch(NO_SPACE)
    expect(error).toContain(`the file system of ${root} has `)
  })

  it.for([12, 20, 30, 40, 50, 60])('F119: room for %i files and directories', async (files, context) => {
    const root = mounted(context, `size=64m,nr_inodes=${files}`)
    const place = usedPlace(root)
    const { error } = await failing(place, restoring(project))
    expect(error).toMatch(NO_SPACE)
  })

  it('F119: that there is room for no more files is said', async (context) => {
    const root = mounted(context, 'size=64m,nr_inodes=30')
    const { error } = await failing(usedPlace(root), restoring(project))
    expect(error).toContain('room for none of its 30 files')
  })

  it('F069: a snapshot of 10 TiB is refused before anything is written', async () => {
    project.fault = () => ({ total: 10 * 1024 ** 4 })
    const { error } = await failing(usedPlace(), restoring(project))
    expect(error).toContain('the snapshot is 10.0 TiB, which does not fit: the file system of ')
    expect(project.server.log).toHaveLength(1)
  })

  it('F117: git that says so is believed', async () => {
    const env = gitInstead(`case "$*" in *read-tree*)
      echo 'fatal: unable to write new index file: No space left on device' >&2; exit 128;; esac`)
    const { error } = await failing(usedPlace(), restoring(project, { env, inputs: { 'on-miss': 'fetch' } }))
    expect(error).toMatch(/^git read-tree failed .*No space left on device; the file system of \/.* free/)
  })
})
