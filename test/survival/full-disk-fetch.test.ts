import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ActionError } from '../../src/errors.ts'
import { restore } from '../../src/restore.ts'
import { mounted } from '../support/memory-disk.ts'
import { contextOf, inputsOf } from '../support/restore-arguments.ts'
import { useServedProject } from '../support/served-project.ts'

const project = useServedProject()

it.for([1024, 1536, 2048, 2560])(
  'a plain fetch that fills %i KiB, whatever git was about to write, says how much room there is',
  async (kibibytes, context) => {
    const root = mounted(context, `size=${kibibytes}k`)
    const [workspace, temp] = [join(root, 'workspace'), join(root, 'temp')]
    for (const directory of [workspace, temp]) mkdirSync(directory)
    const env = {
      ...process.env,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `url.${project.server.url}/git/github.com/.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://github.com/',
      GIT_CONFIG_KEY_1: 'safe.directory',
      GIT_CONFIG_VALUE_1: project.upstream.directory,
    }
    const inputs = inputsOf(workspace, { source: 'none' })
    const error = await restore(inputs, contextOf(project.snapshot.commit, { temp, env })).catch(
      (thrown) => thrown,
    )
    expect(error).toBeInstanceOf(ActionError)
    expect(error).toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining(`the file system of ${root} has `),
    })
  },
)
