import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsOf, expectRestored, launcher, run } from '../support/action-run.ts'
import { failing } from '../support/failing-step.ts'
import { mounted } from '../support/memory-disk.ts'
import { usedPlace } from '../support/place.ts'
import { restoring, useServedProject } from '../support/served-project.ts'
import { temporary } from '../support/temporary.ts'
import type { Sabotage } from './sabotage.ts'
import { expectRight, sabotaged } from './scene.ts'

const project = useServedProject()

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
      nth: 4,
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
      nth: 3,
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
    const { error } = await failing(usedPlace(), restoring(project, { env: sabotaged(sabotage), inputs }))
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
    const { error } = await failing({ ...place, temp }, restoring(project))
    expect(error).toMatch(/^could not write ".+": the name is too long for this file system \(ENAMETOOLONG\)/)
  })

  it('F118: a workspace that may not be written to', async (context) => {
    const root = mounted(context, 'size=8m')
    const place = usedPlace(root)
    const workspace = join(root, 'project')
    const lasting = { ...place, temp: temporary() }
    execFileSync('mount', ['-o', 'remount,ro', root])
    const { error } = await failing(lasting, restoring(project))
    expect(error).toContain(`no directory from which a tree can be moved into ${lasting.workspace}`)
    expect(error).toMatch(/EROFS|EXDEV/)
    expect(error).toContain(workspace)
  })

  it('F118: a workspace of another user', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become somebody else')
    const place = usedPlace()
    execFileSync('chmod', ['a+rx', join(place.temp, '..'), place.workspace])
    execFileSync('chown', ['65534', place.temp])
    const entry = startedBy('setpriv', '--reuid=65534', '--clear-groups', '--')
    const { error } = await failing(place, restoring(project, { entry }))
    expect(error).toContain(`no directory from which a tree can be moved into ${place.workspace}`)
    expect(error).toContain('EACCES')
  })

  it('F105: so few files may be open that a writer gets none', async () => {
    const env = sabotaged({ call: 'openSync', about: '/tree/', nth: 3, does: 'EMFILE' })
    const { error } = await failing(usedPlace(), restoring(project, { env }))
    expect(error).toMatch(/too many files open: raise the limit \(ulimit -n\) \(EMFILE\)/)
  })

  it('F105: a step that may open few files ends well, or in words', async () => {
    const place = usedPlace()
    const entry = startedBy('prlimit', '--nofile=48', '--')
    expectRestored(await run({ ...place, ...restoring(project, { entry }) }))
    await expectRight(place, project)
  })
})

/** An entry that starts the step by a program: a shell would lose variables whose names have a dash. */
function startedBy(...command: string[]): string {
  return launcher(`import { execFileSync } from 'node:child_process'
    import { join } from 'node:path'
    // The runner's own files are for whoever the step is run as.
    execFileSync('chmod', ['-R', 'a+rwX', join(process.env.GITHUB_STATE, '..', '..', '..')])
    const [program, ...args] = ${JSON.stringify(command)}
    const child = spawn(program, [...args, process.execPath, bundle], { stdio: 'inherit' })`)
}
