import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundle, errorsOf, expectRestored, run, temporary } from '../support/action-run.ts'
import { type ServedProject, serveProject } from '../support/served-project.ts'
import type { Sabotage } from './sabotage.ts'
import { expectRight, failing, gitInstead, mounted, restoring, sabotaged, usedPlace } from './scene.ts'

let project: ServedProject

beforeAll(async () => {
  project = await serveProject()
})
afterAll(() => project.close())
beforeEach(() => {
  project.fault = undefined
  project.server.log.length = 0
})

const NO_SPACE = /no space is left|No space left|ENOSPC/

describe('a disk that is full leaves the workspace as it was and nothing else, and is told with its numbers:', () => {
  it.for([64, 256, 1024, 2048, 3072])(
    'F117: %i KiB for everything, restored from a snapshot',
    async (kibibytes, context) => {
      const root = mounted(context, `size=${kibibytes}k`)
      const place = usedPlace(root)
      const error = await failing(place, restoring(project))
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
    const directory = project.upstream.directory
    const rewrite = {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `url.${project.server.url}/git/github.com/.insteadOf`,
    }
    const error = await failing(place, {
      inputs: { server: '' },
      github: { sha: project.snapshot.commit },
      env: {
        ...rewrite,
        GIT_CONFIG_VALUE_0: 'https://github.com/',
        GIT_CONFIG_KEY_1: 'safe.directory',
        GIT_CONFIG_VALUE_1: directory,
      },
    })
    expect(error).toMatch(NO_SPACE)
    expect(error).toContain(`the file system of ${root} has `)
  })

  it.for([12, 20, 30, 40, 50, 60])('F119: room for %i files and directories', async (files, context) => {
    const root = mounted(context, `size=64m,nr_inodes=${files}`)
    const place = usedPlace(root)
    const error = await failing(place, restoring(project))
    expect(error).toMatch(NO_SPACE)
  })

  it('F119: that there is room for no more files is said', async (context) => {
    const root = mounted(context, 'size=64m,nr_inodes=30')
    const error = await failing(usedPlace(root), restoring(project))
    expect(error).toContain('room for none of its 30 files')
  })

  it('F069: a snapshot of 10 TiB is refused before anything is written', async () => {
    project.fault = () => ({ total: 10 * 1024 ** 4 })
    const error = await failing(usedPlace(), restoring(project))
    expect(error).toContain('the snapshot is 10.0 TiB, which does not fit: the file system of ')
    expect(project.server.log).toHaveLength(1)
  })

  it('F117: git that says so is believed', async () => {
    const env = gitInstead(`case "$*" in *read-tree*)
      echo 'fatal: unable to write new index file: No space left on device' >&2; exit 128;; esac`)
    const error = await failing(usedPlace(), restoring(project, { env, inputs: { 'on-miss': 'fetch' } }))
    expect(error).toMatch(/^git read-tree failed .*No space left on device; the file system of \/.* free/)
  })
})

describe('a disk that refuses leaves the workspace as it was and nothing else, and is told:', () => {
  const rows: readonly (Sabotage & { readonly id: string; readonly says: RegExp })[] = [
    {
      id: 'F117',
      call: 'writeSync',
      nth: 3,
      does: 'ENOSPC',
      says: /^could not write ".+": no space is left/,
    },
    { id: 'F117', call: 'openSync', about: '/tree/', nth: 4, does: 'ENOSPC', says: /^could not write ".+"/ },
    { id: 'F117', call: 'mkdirSync', about: '/tree/', nth: 2, does: 'ENOSPC', says: /^could not write ".+"/ },
    { id: 'F117', call: 'symlinkSync', nth: 2, does: 'ENOSPC', says: /^could not write "link"/ },
    {
      id: 'F117',
      call: 'promises.rename',
      about: '/old/',
      nth: 2,
      times: 1,
      does: 'ENOSPC',
      says: /it is as it was/,
    },
    {
      id: 'F117',
      call: 'promises.rename',
      about: '/tree/',
      nth: 3,
      times: 1,
      does: 'ENOSPC',
      says: /it is as it was/,
    },
    { id: 'F117', call: 'promises.mkdir', about: '/old', nth: 1, does: 'ENOSPC', says: /it is as it was/ },
    { id: 'F117', call: 'promises.writeFile', about: '/.git/', nth: 1, does: 'ENOSPC', says: /ENOSPC/ },
    { id: 'F118', call: 'writeSync', nth: 2, does: 'EDQUOT', says: /the disk quota is used up \(EDQUOT\)/ },
    { id: 'F118', call: 'symlinkSync', nth: 1, does: 'EDQUOT', says: /^could not write "data\/dangling"/ },
    {
      id: 'F118',
      call: 'promises.rename',
      about: '/tree/',
      nth: 2,
      times: 1,
      does: 'EDQUOT',
      says: /it is as it was/,
    },
    { id: 'F118', call: 'writeSync', nth: 5, does: 'EIO', says: /the disk failed .* \(EIO\)/ },
    { id: 'F118', call: 'openSync', about: '/tree/', nth: 2, does: 'EROFS', says: /is read-only \(EROFS\)/ },
    {
      id: 'F118',
      call: 'openSync',
      about: '/tree/',
      nth: 2,
      does: 'EACCES',
      says: /not allowed.* \(EACCES\)/,
    },
    { id: 'F118', call: 'openSync', about: '/tree/', nth: 2, does: 'ELOOP', says: /in a circle.* \(ELOOP\)/ },
    { id: 'F118', call: 'promises.mkdir', about: '.git-snapshot-', nth: 1, does: 'EROFS', says: /EROFS/ },
  ]

  const told = rows.map((row) => ({ ...row, where: row.about === undefined ? '' : ` about ${row.about}` }))

  it.each(told)('$id: $does at call $nth of $call$where', async ({ id: _, where: __, says, ...sabotage }) => {
    const inputs = { 'on-miss': 'fetch' }
    const error = await failing(usedPlace(), restoring(project, { env: sabotaged(sabotage), inputs }))
    expect(error).toMatch(says)
  })

  it('F117: a move into place that can neither go on nor back says where the old files are, and keeps them', async () => {
    const place = usedPlace()
    const names = readdirSync(place.workspace)
    const env = sabotaged({ call: 'promises.rename', about: '/old/', nth: 2, does: 'EIO' })
    const result = await run({ ...place, ...restoring(project, { env }) })
    const [, kept = ''] = /some of what was there is kept in (.+?\/old)/.exec(errorsOf(result).join()) ?? []
    expect([...readdirSync(kept), ...readdirSync(place.workspace)].sort()).toEqual(names.sort())
    await result.runPost({ env: {} })
    expect([...readdirSync(kept), ...readdirSync(place.workspace)].sort()).toEqual(names.sort())
  })

  it('F118: a name that is too long for the system where staging lies', async () => {
    const place = usedPlace()
    const temp = join(place.temp, ...Array.from({ length: 16 }, () => 'd'.repeat(235)))
    mkdirSync(temp, { recursive: true })
    const error = await failing({ ...place, temp }, restoring(project))
    expect(error).toMatch(/^could not write ".+": the name is too long for this file system \(ENAMETOOLONG\)/)
  })

  it('F118: a workspace that may not be written to', async (context) => {
    const root = mounted(context, 'size=8m')
    const place = usedPlace(root)
    const workspace = join(root, 'project')
    const lasting = { ...place, temp: temporary() }
    execFileSync('mount', ['-o', 'remount,ro', root])
    const error = await failing(lasting, restoring(project))
    expect(error).toContain(`no directory from which a tree can be moved into ${lasting.workspace}`)
    expect(error).toMatch(/EROFS|EXDEV/)
    expect(error).toContain(workspace)
  })

  it('F118: a workspace of another user', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become somebody else')
    const place = usedPlace()
    execFileSync('chmod', ['a+rx', join(place.temp, '..'), place.workspace])
    execFileSync('chown', ['65534', place.temp])
    const error = await failing(place, {
      ...restoring(project),
      entry: wrapped('setpriv', '--reuid=65534', '--clear-groups', '--'),
    })
    expect(error).toContain(`no directory from which a tree can be moved into ${place.workspace}`)
    expect(error).toContain('EACCES')
  })

  it('F105: so few files may be open that a writer gets none', async () => {
    const error = await failing(usedPlace(), restoring(project, { env: sabotaged(EMFILE) }))
    expect(error).toMatch(/too many files open: raise the limit \(ulimit -n\) \(EMFILE\)/)
  })

  it('F105: a step that may open few files ends well, or in words', async () => {
    const place = usedPlace()
    const result = await run({
      ...place,
      ...restoring(project),
      entry: wrapped('prlimit', '--nofile=40', '--'),
    })
    expectRestored(result)
    await expectRight(place, project)
  })
})

const EMFILE: Sabotage = { call: 'openSync', about: '/tree/', nth: 3, does: 'EMFILE' }

/** An entry that starts the step by a program: a shell would lose variables whose names have a dash. */
function wrapped(...command: string[]): string {
  const entry = join(temporary(), 'wrapped.mjs')
  const [program, ...args] = command
  writeFileSync(
    entry,
    `import { execFileSync, spawn } from 'node:child_process'
     import { join } from 'node:path'
     // The runner's own files are for whoever the step is run as.
     execFileSync('chmod', ['-R', 'a+rwX', join(process.env.GITHUB_STATE, '..', '..', '..')])
     const args = [...${JSON.stringify(args)}, process.execPath, ${JSON.stringify(bundle)}]
     const child = spawn(${JSON.stringify(program)}, args, { stdio: 'inherit' })
     child.on('exit', (code) => { process.exitCode = code ?? 99 })`,
  )
  return entry
}
