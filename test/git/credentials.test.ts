import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, realpath, rename, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import {
  Credentials,
  type CredentialsOptions,
  removeCredentials,
  safeDirectoryEnv,
} from '../../src/git/credentials.ts'
import { type Git, gitIn } from '../../src/git/git.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { gitEnvironment, makeUpstream, git as plainGit, type Upstream } from '../support/git-repo.ts'
import { basicCredential, type GithubServer, startGithubServer } from '../support/github-server.ts'
import { skipWithout } from '../support/programs.ts'
import { SSH_PROGRAMS, startSshServer } from '../support/ssh-server.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const TOKEN = 'ghs_0123456789abcdef'
const REPOSITORY = { owner: 'octo', name: 'project' }
const SSH = { key: 'private', knownHosts: undefined, isStrict: true, user: 'git' }

let root: string
let temp: string
let workspace: string
let env: Environment
let server: GithubServer
let upstream: Upstream
let states: string[]

beforeEach(async () => {
  root = await realpath(temporary())
  temp = join(root, 'temp')
  workspace = join(root, 'workspace')
  env = { ...gitEnvironment, HOME: root, RUNNER_TEMP: temp }
  states = []
  await Promise.all([mkdir(temp), mkdir(workspace)])
  server = await startGithubServer({ upstreams: root, token: TOKEN })
  upstream = await makeUpstream({ root, host: server.host }, [[{ path: 'README.md', content: 'hello\n' }]])
})

afterEach(() => server.close())

function create(options: Partial<CredentialsOptions> = {}): Promise<Credentials> {
  const serverUrl = new URL(server.url)
  const onCredentials = (state: string) => states.push(state)
  return Credentials.create({ temp, serverUrl, token: TOKEN, env, onCredentials, ...options })
}

function gitOf(directory: string, variables: Environment = env): Git {
  return gitIn(directory, { ...gitContext, env: variables })
}

/** An empty repository of the origin, in a directory that may be moved. */
async function makeClone(directory: string, url = `${server.url}/octo/project`): Promise<void> {
  await mkdir(directory, { recursive: true })
  await plainGit(directory, 'init', '--quiet')
  await plainGit(directory, 'remote', 'add', 'origin', url)
}

const settings = (file: string) => plainGit(root, 'config', '--file', file, '--list')
const secretsIn = async (directory: string) => {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((e) => e.isFile())
  const texts = await Promise.all(files.map((e) => readFile(join(e.parentPath, e.name), 'latin1')))
  return texts.filter((text) => text.includes(TOKEN) || text.includes(basicCredential(TOKEN))).length
}

const canFetch = (directory: string, variables?: Environment) =>
  gitOf(directory, variables).succeeds(['fetch', '--quiet', 'origin', 'main'])

describe('the origin', () => {
  it('has the address that actions/checkout writes, for HTTPS and for SSH', async () => {
    const serverUrl = new URL('https://ghe.example:8443')
    const byToken = await create({ serverUrl })
    expect(byToken.originUrl(REPOSITORY)).toBe('https://ghe.example:8443/octo/project')
    const bySsh = await create({ serverUrl, ssh: { ...SSH, user: 'org-1' } })
    expect(bySsh.originUrl(REPOSITORY)).toBe('org-1@ghe.example:octo/project.git')
  })

  it('lets git in by the token, which lies nowhere on disk', async () => {
    const credentials = await create()
    const clone = join(workspace, 'clone')
    await makeClone(clone, credentials.originUrl(REPOSITORY))
    expect(await canFetch(clone)).toBe(false)
    await gitOf(clone).run(['fetch', '--quiet', 'origin', 'main'], { env: credentials.env })
    expect(await plainGit(clone, 'rev-parse', 'FETCH_HEAD')).toBe(await upstream.git('rev-parse', 'main'))
    expect(await secretsIn(root)).toBe(0)
    expect(states).toEqual([])
  })

  it('is the only one that gets the token', async () => {
    const other = await startGithubServer({ upstreams: root })
    try {
      const credentials = await create()
      await gitOf(workspace).succeeds(['ls-remote', `${other.url}/octo/project`], { env: credentials.env })
      expect(other.log.length).toBeGreaterThan(0)
      for (const request of other.log) expect(request.headers).not.toHaveProperty('authorization')
    } finally {
      await other.close()
    }
  })

  it('is asked without a header where there is no token', async () => {
    const { env: variables } = await create({ token: undefined })
    expect(variables).toEqual({ GIT_CONFIG_COUNT: gitEnvironment.GIT_CONFIG_COUNT })
  })
})

describe("a submodule's address", () => {
  const rewritten = async (credentials: Credentials, url: string) => {
    await makeClone(join(root, 'scratch'), url)
    const variables = { env: credentials.submoduleEnv }
    return (await gitOf(join(root, 'scratch')).run(['remote', 'get-url', 'origin'], variables)).trim()
  }

  it('for SSH becomes one for the token', async () => {
    const credentials = await create({ serverUrl: new URL('https://ghe.example') })
    expect(await rewritten(credentials, 'git@ghe.example:octo/lib.git')).toBe(
      'https://ghe.example/octo/lib.git',
    )
  })

  it('for the SSH user of an organization becomes one for the token', async () => {
    const credentials = await create({ serverUrl: new URL('https://github.com'), ownerId: 123 })
    expect(await rewritten(credentials, 'org-123@github.com:octo/lib')).toBe('https://github.com/octo/lib')
  })

  it('stays where there is an SSH key', async () => {
    const credentials = await create({ serverUrl: new URL('https://github.com'), ssh: SSH })
    expect(await rewritten(credentials, 'git@github.com:octo/lib')).toBe('git@github.com:octo/lib')
  })
})

describe('persisted credentials', () => {
  const staged = () => join(root, 'staging/tree')
  const final = () => join(workspace, 'a [b]/project')

  async function persist(
    credentials: Credentials,
    options: { submodules?: readonly string[]; workspace?: string } = {},
  ): Promise<void> {
    await credentials.persist({
      gitDirectory: join(staged(), '.git'),
      finalGitDirectory: join(final(), '.git'),
      workspace,
      submodules: [],
      ...options,
    })
  }

  async function swap(): Promise<void> {
    await mkdir(join(final(), '..'), { recursive: true })
    await rename(staged(), final())
  }

  beforeEach(() => makeClone(staged()))

  it('let later steps in where the tree is then, and in its worktrees, but nowhere else', async () => {
    await persist(await create())
    expect(await canFetch(staged())).toBe(false)
    await swap()
    expect(await canFetch(final())).toBe(true)
    await plainGit(final(), 'worktree', 'add', '--quiet', join(root, 'worktree'), 'FETCH_HEAD')
    expect(await canFetch(join(root, 'worktree'))).toBe(true)
    await rename(final(), join(root, 'elsewhere'))
    expect(await canFetch(join(root, 'elsewhere'))).toBe(false)
  })

  it('keep the secret out of the workspace, in one file that others cannot read', async () => {
    await persist(await create())
    expect(await secretsIn(staged())).toBe(0)
    const [name = ''] = await readdir(temp)
    expect(name).toMatch(/^git-credentials-[0-9a-f-]{36}\.config$/)
    expect((await stat(join(temp, name))).mode & 0o777).toBe(0o600)
    expect(await secretsIn(temp)).toBe(1)
  })

  it('are found by container actions at the paths that these have', async () => {
    await persist(await create())
    const [name] = await readdir(temp)
    const listed = (await settings(join(staged(), '.git/config'))).split('\n')
    for (const below of ['', '/worktrees/*']) {
      const key = `includeif.gitdir:/github/workspace/a \\[b]/project/.git${below}.path`
      expect(listed).toContain(`${key}=/github/runner_temp/${name}`)
    }
  })

  it('are found by container actions though the workspace is a symlink', async () => {
    await symlink(workspace, join(root, 'link'))
    await persist(await create(), { workspace: join(root, 'link') })
    const listed = await settings(join(staged(), '.git/config'))
    expect(listed).toContain(
      'includeif.gitdir:/github/workspace/a \\[b]/project/.git.path=/github/runner_temp/',
    )
  })

  it('let later steps in in submodules, by SSH addresses too', async () => {
    await makeClone(join(staged(), '.git/modules/lib'))
    await persist(await create({ ownerId: 7 }), { submodules: [join(final(), '.git/modules/lib/.git')] })
    await swap()
    const submodule = join(final(), '.git/modules/lib')
    expect(await canFetch(submodule)).toBe(true)
    const listed = (await settings(join(submodule, '.git/config'))).split('\n')
    const host = new URL(server.url).hostname
    const rewrites = [`git@${host}:`, 'org-7@github.com:'].map(
      (user) => `url.${server.url}/.insteadof=${user}`,
    )
    expect(listed.filter((line) => line.startsWith('url.'))).toEqual(rewrites)
  })

  it('are told before they are there, with all that is known', async () => {
    const seen: boolean[][] = []
    const onCredentials = (state: string) => {
      states.push(state)
      const { files } = JSON.parse(state) as { files: string[] }
      seen.push(files.map((file) => existsSync(file)))
    }
    await persist(await create({ ssh: SSH, onCredentials }))
    expect(seen).toEqual([
      [false, false],
      [true, true, false],
    ])
  })

  it('are gone after the removal, which may come twice', async () => {
    const config = join(staged(), '.git/config')
    await plainGit(staged(), 'config', 'includeIf.gitdir:/mine/.path', '/mine/config')
    const before = await settings(config)
    const credentials = await create({ ssh: SSH })
    await persist(credentials)
    await swap()
    await credentials.remove()
    await credentials.remove()
    expect(await readdir(temp)).toEqual([])
    expect(await settings(join(final(), '.git/config'))).toBe(before)
  })

  it('are removed after the job from what the step told, submodules included', async () => {
    await makeClone(join(staged(), '.git/modules/lib'))
    const lib = join(final(), '.git/modules/lib/.git')
    await persist(await create(), { submodules: [lib] })
    await swap()
    await removeCredentials(states.at(-1) ?? '', { ...env, RUNNER_TEMP: undefined })
    expect(await readdir(temp)).toEqual([])
    for (const config of [join(final(), '.git/config'), join(lib, 'config')]) {
      expect(await settings(config)).not.toContain('includeif')
    }
  })

  it('are removed though the job deleted its workspace', async () => {
    await persist(await create({ ssh: SSH }))
    await removeCredentials(states.at(-1) ?? '', env)
    expect(await readdir(temp)).toEqual([])
  })

  it('let later steps in by the SSH key', async (context) => {
    skipWithout(context, ...SSH_PROGRAMS)
    const sshd = await startSshServer(join(root, 'sshd'))
    try {
      await plainGit(staged(), 'remote', 'set-url', 'origin', sshd.urlOf(upstream.directory))
      await persist(await create({ ssh: { ...SSH, ...sshd }, token: undefined }))
      expect(await canFetch(staged())).toBe(true)
      expect(await secretsIn(root)).toBe(0)
    } finally {
      await sshd.close()
    }
  })
})

describe('what earlier steps left', () => {
  it('goes away, in submodules too, and what is not of credentials stays', async () => {
    const clone = join(workspace, 'clone')
    const gitDirectory = join(clone, '.git')
    const old = join(temp, 'git-credentials-00000000-0000-4000-8000-000000000000.config')
    await makeClone(clone)
    await plainGit(root, 'init', '--quiet', '--bare', join(gitDirectory, 'modules/deep/lib'))
    await plainGit(root, 'init', '--quiet', '--bare', join(gitDirectory, 'modules/deep/lib/modules/nested'))
    const configs = ['', 'modules/deep/lib', 'modules/deep/lib/modules/nested'].map((path) =>
      join(gitDirectory, path, 'config'),
    )
    const before: string[] = []
    for (const config of configs) {
      const set = (...args: string[]) => plainGit(root, 'config', '--file', config, '--add', ...args)
      await set('includeIf.gitdir:/x/.git.path', '/mine/config')
      before.push(await settings(config))
      await set('includeIf.gitdir:/x/.git.path', old)
      await set(
        'includeIf.gitdir:/github/workspace/.git.path',
        '/github/runner_temp/git-credentials-0a.config',
      )
      await set(`http.${server.url}/.extraheader`, 'AUTHORIZATION: basic b2xk')
      await set(`http.${server.url}/.extraheader`, 'AUTHORIZATION: basic b2xkZXI=')
      await set('core.sshCommand', 'ssh -i gone')
      await set(`url.${server.url}/.insteadOf`, 'git@127.0.0.1:')
    }
    await plainGit(root, 'config', '--file', old, 'http.extraheader', 'X: y')

    await (await create()).removeEarlier(gitDirectory, gitOf(root))
    for (const [index, config] of configs.entries()) expect(await settings(config)).toBe(before[index])
    expect(existsSync(old)).toBe(false)
  })

  it('names no file outside of the temporary directory that is deleted', async () => {
    const clone = join(workspace, 'clone')
    const foreign = join(root, 'git-credentials-0a.config')
    await makeClone(clone)
    await plainGit(root, 'config', '--file', foreign, 'a.b', 'c')
    await plainGit(clone, 'config', 'includeIf.gitdir:/x/.git.path', foreign)
    await (await create()).removeEarlier(join(clone, '.git'), gitOf(root))
    expect(existsSync(foreign)).toBe(true)
  })
})

describe('a directory that belongs to somebody else', () => {
  it('is safe for git where it is said to be', async (context) => {
    context.skip(process.getuid?.() !== 0, 'only root can give directories away')
    const clone = join(workspace, 'clone')
    await makeClone(clone)
    await chown(clone, 65534, 65534)
    const question = ['rev-parse', '--git-dir']
    expect(await gitOf(clone).succeeds(question)).toBe(false)
    const safe = { ...env, ...safeDirectoryEnv(clone, env) }
    expect(await gitOf(clone, safe).run(question)).toBe('.git\n')
    const more = settingsEnvironment([['a.b', 'c']], safe)
    expect(await gitOf(clone, safe).run(['config', 'a.b'], { env: more })).toBe('c\n')
  })
})
