import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { type SubmoduleOptions, updateSubmodules } from '../../src/git/submodules.ts'
import { gitHttpAnswer } from '../support/git-http.ts'
import { git, gitEnvironment, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { type FaultScript, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts'
import { temporary } from '../support/temporary.ts'
import { cloneOf } from '../support/working-copy.ts'
import { gitContext } from './git-context.ts'

const authorization = `basic ${Buffer.from('x-access-token:t0ken').toString('base64')}`
const oddHeader = "it's 'quoted' and loud!"

/** A git server that wants a token for everything. */
async function startServer(root: string, script?: FaultScript): Promise<ScriptedServer> {
  const server = await startScriptedServer((request, gone) => {
    if (request.headers.authorization !== authorization) {
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } }
    }
    const { pathname, search } = new URL(request.url ?? '/', 'http://server')
    return gitHttpAnswer({ root: join(root, 'github.com'), path: pathname, query: search, request, gone })
  }, script)
  onTestFinished(() => server.close())
  return server
}

/** Commits a submodule to `main`, at what is the other's `main`. */
async function addSubmodule(upstream: Upstream, path: string, module: { of: Upstream; url: string }) {
  const clone = temporary()
  const commit = await module.of.git('rev-parse', 'main')
  await git(clone, 'clone', '--quiet', upstream.directory, '.')
  writeFileSync(
    join(clone, '.gitmodules'),
    `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${module.url}\n`,
  )
  await git(clone, 'add', '.gitmodules')
  await git(clone, 'update-index', '--add', '--cacheinfo', `160000,${commit},${path}`)
  await git(clone, 'commit', '--quiet', '--message=Add a submodule')
  await git(clone, 'push', '--quiet', 'origin', 'main')
}

/** `octo/project` has the submodule `libs/lib`, which has the submodule `deep`. */
class Scene {
  readonly waits: number[] = []
  tree: string
  readonly server: ScriptedServer

  private constructor(tree: string, server: ScriptedServer) {
    this.tree = tree
    this.server = server
  }

  static async create({ url = '../lib.git', script }: { url?: string; script?: FaultScript } = {}) {
    const root = temporary()
    const server = await startServer(root, script)
    const make = (name: string) => makeUpstream({ root, repository: `octo/${name}` }, historyOf(name))
    const [project, lib, deep] = await Promise.all([make('project'), make('lib'), make('deep')])
    await addSubmodule(lib, 'deep', { of: deep, url: 'git@github.com:octo/deep.git' })
    await addSubmodule(project, 'libs/lib', { of: lib, url })
    const tree = await cloneOf(project, root)
    await git(tree, 'remote', 'set-url', 'origin', `${server.url}/octo/project`)
    return new Scene(tree, server)
  }

  update(changes: Partial<SubmoduleOptions> = {}): Promise<readonly string[]> {
    const settings = [
      [`http.${this.server.url}/.extraheader`, `AUTHORIZATION: ${authorization}`],
      [`http.${this.server.url}/.extraheader`, `X-Odd: ${oddHeader}`],
      [`url.${this.server.url}/.insteadOf`, 'git@github.com:'],
    ] as const
    return updateSubmodules({
      git: gitIn(this.tree, gitContext),
      tree: this.tree,
      mode: 'recursive',
      depth: 0,
      hasLfs: false,
      env: { ...gitEnvironment, ...settingsEnvironment(settings, gitEnvironment) },
      retries: {
        random: () => 0,
        wait: async (delayMs) => void this.waits.push(delayMs),
        onRetry: () => {},
      },
      onProgress: undefined,
      ...changes,
    })
  }

  in(...names: string[]): string {
    return join(this.tree, ...names)
  }
}

function historyOf(name: string) {
  return [[{ path: 'name', content: name }], [{ path: 'second', content: name }]]
}

describe('submodules', () => {
  it('are checked out at the commits that the tree names, with those inside them', async () => {
    const scene = await Scene.create()
    expect(await scene.update()).toEqual(['modules/libs/lib', 'modules/libs/lib/modules/deep'])
    expect(readFileSync(scene.in('libs', 'lib', 'name'), 'utf8')).toBe('lib')
    expect(readFileSync(scene.in('libs', 'lib', 'deep', 'name'), 'utf8')).toBe('deep')
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
    expect(await git(scene.tree, 'submodule', 'status', '--recursive')).not.toMatch(/^[-+U]/m)
  })

  it('leave out those inside them where only the direct ones are wanted', async () => {
    const scene = await Scene.create()
    expect(await scene.update({ mode: 'direct' })).toEqual(['modules/libs/lib'])
    expect(existsSync(scene.in('libs', 'lib', 'name'))).toBe(true)
    expect(existsSync(scene.in('libs', 'lib', 'deep', 'name'))).toBe(false)
  })

  it('are fetched with the token and by the rewritten addresses, and neither is written down', async () => {
    const scene = await Scene.create({ url: 'git@github.com:octo/lib.git' })
    const directories = await scene.update()
    const asked = scene.server.log.map(({ path }) => path.split('/', 3).join('/'))
    expect(new Set(asked)).toEqual(new Set(['/octo/lib.git', '/octo/deep.git']))
    expect(scene.server.log.every(({ headers }) => headers['x-odd'] === oddHeader)).toBe(true)
    for (const directory of ['.', ...directories]) {
      const config = readFileSync(scene.in('.git', directory, 'config'), 'utf8')
      expect(config).not.toMatch(/authorization|extraheader|insteadof/i)
    }
  })

  it('do not collect garbage during the job', async () => {
    const scene = await Scene.create()
    await scene.update()
    for (const path of ['libs/lib', 'libs/lib/deep']) {
      expect(await git(scene.in(path), 'config', '--local', 'gc.auto')).toBe('0')
    }
  })

  it('still work when the tree has been moved', async () => {
    const scene = await Scene.create()
    const directories = await scene.update()
    const moved = join(temporary(), 'elsewhere')
    renameSync(scene.tree, moved)
    scene.tree = moved
    expect(await git(scene.in('libs/lib'), 'status', '--porcelain', '--branch')).toBe('## HEAD (no branch)')
    expect(await git(scene.in('libs/lib/deep'), 'rev-parse', '--show-toplevel')).toBe(
      scene.in('libs/lib/deep'),
    )
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
    expect(directories.map((directory) => existsSync(scene.in('.git', directory, 'config')))).toEqual([
      true,
      true,
    ])
  })

  it('have as much history as is asked for', async () => {
    const scene = await Scene.create()
    await scene.update({ depth: 1 })
    expect(await git(scene.in('libs/lib'), 'rev-list', '--count', 'HEAD')).toBe('1')
    const whole = await Scene.create()
    await whole.update({ depth: 0 })
    expect(await git(whole.in('libs/lib'), 'rev-list', '--count', 'HEAD')).toBe('3')
  })

  it('are put right where a job has changed them', async () => {
    const scene = await Scene.create()
    await scene.update()
    writeFileSync(scene.in('libs/lib/name'), 'changed')
    await git(scene.in('libs/lib/deep'), 'checkout', '--quiet', 'HEAD^')
    await scene.update()
    expect(await git(scene.tree, 'status', '--porcelain')).toBe('')
    expect(readFileSync(scene.in('libs/lib/name'), 'utf8')).toBe('lib')
  })

  it('run no hook and no monitor of theirs', async () => {
    const scene = await Scene.create()
    await scene.update()
    const ran = join(temporary(), 'ran')
    const hook = scene.in('.git/modules/libs/lib/hooks/post-checkout')
    writeFileSync(hook, `#!/bin/sh\ntouch '${ran}'\n`, { mode: 0o755 })
    await git(scene.in('libs/lib'), 'config', 'core.fsmonitor', `touch '${ran}'; false`)
    await rename(scene.in('libs/lib/name'), scene.in('libs/lib/other'))
    await scene.update()
    expect(existsSync(scene.in('libs/lib/name'))).toBe(true)
    expect(existsSync(ran)).toBe(false)
  })

  it('are asked for again when the server fails, and three failures are an error', async () => {
    let failures = 2
    const script: FaultScript = ({ path }) =>
      path.includes('lib.git') && failures-- > 0 ? { status: 500 } : undefined
    const scene = await Scene.create({ script })
    await scene.update()
    expect(existsSync(scene.in('libs/lib/deep/name'))).toBe(true)
    const down = await Scene.create({ script: () => ({ status: 500 }) })
    await expect(down.update()).rejects.toMatchObject({
      code: 'ORIGIN_FAILED',
      message: expect.stringMatching(/^gave up after 3 attempts: git submodule failed/),
    })
    expect(down.waits).toHaveLength(2)
  })

  it('are asked for once where one is not there', async () => {
    const scene = await Scene.create({ url: '../nothing.git' })
    await expect(scene.update()).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      message: expect.stringMatching(/^A submodule is not there, or this token may not read it: check/),
    })
    expect(scene.waits).toEqual([])
  })

  it('do not come from the disk', async () => {
    const scene = await Scene.create({ url: `file://${temporary()}` })
    await expect(scene.update()).rejects.toThrow("transport 'file' not allowed")
  })

  it('may be none', async () => {
    const root = temporary()
    const tree = await cloneOf(await makeUpstream({ root }, historyOf('project')), root)
    const scene = await Scene.create()
    const bare = gitIn(tree, gitContext)
    expect(await scene.update({ git: bare, tree })).toEqual([])
  })
})
