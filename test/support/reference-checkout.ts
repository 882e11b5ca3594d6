import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { devNull } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { ReferenceCredentials } from './reference-credentials.ts'
import {
  isTrue,
  type ReferenceSettings,
  referenceRefspecs,
  referenceRefspecsForAllHistory,
  referenceSettings,
} from './reference-ref.ts'
import { type GithubContext, githubContext } from './runner-environment.ts'

/** A job in which actions/checkout v7 runs. */
export type ReferenceJob = {
  readonly workspace: string
  readonly temp: string
  /** What a workflow says under `with`. */
  readonly inputs?: Readonly<Record<string, string>>
  readonly github?: Partial<GithubContext>
  /** What the machine's git is told for all repositories, as the text of a config file. */
  readonly settings?: string
  /** The ssh program's path, where one is needed. */
  readonly ssh?: string
}

export type ReferenceOutputs = { readonly ref: string; readonly commit: string }

/**
 * The git commands of actions/checkout v7 for these inputs and this event, in their order: what is then in the
 * workspace is what a job finds that uses it. Taken from its sources and logs, and from nothing of ours.
 */
export async function referenceCheckout(job: ReferenceJob): Promise<ReferenceOutputs> {
  return new ReferenceCheckout(job).run()
}

class ReferenceCheckout {
  readonly #inputs: Readonly<Record<string, string>>
  readonly #global: string
  readonly #directory: string
  readonly #env: Record<string, string>
  readonly #home: string
  readonly #url: string
  readonly #credentials: ReferenceCredentials
  #settings: ReferenceSettings

  constructor(job: ReferenceJob) {
    const { workspace, temp, inputs = {}, github: told, ssh = 'ssh', settings = '' } = job
    const github = githubContext(told)
    this.#inputs = inputs
    this.#global = settings
    this.#settings = referenceSettings(inputs, github)
    this.#directory = join(workspace, inputs.path ?? '')
    const server = new URL(github.serverUrl)
    const { repository } = this.#settings
    this.#url = inputs['ssh-key']
      ? `${inputs['ssh-user'] || 'git'}@${server.hostname}:${repository}.git`
      : `${server.origin}/${repository}`
    this.#home = join(temp, randomUUID())
    this.#env = {
      PATH: process.env.PATH ?? '',
      HOME: this.#home,
      XDG_CONFIG_HOME: devNull,
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      RUNNER_TEMP: temp,
      ...(isTrue(inputs.lfs) ? {} : { GIT_LFS_SKIP_SMUDGE: '1' }),
    }
    this.#credentials = new ReferenceCredentials({
      temp,
      server,
      gitDirectory: join(this.#directory, '.git'),
      containerGitDirectory: join('/github/workspace', relative(workspace, this.#directory), '.git'),
      token: inputs.token ?? github.token,
      sshKey: inputs['ssh-key'],
      sshKnownHosts: inputs['ssh-known-hosts'],
      ssh,
    })
  }

  async run(): Promise<ReferenceOutputs> {
    await this.#prepareHome()
    await mkdir(this.#directory, { recursive: true })
    await this.#prepareExisting()
    if (!existsSync(join(this.#directory, '.git'))) await this.#initialize()
    await this.#git('config', '--local', 'gc.auto', '0')
    await this.#credentials.configure(this.#git, this.#persists)
    if (this.#settings.ref === '' && this.#settings.commit === '') await this.#resolveDefaultBranch()
    if (isTrue(this.#inputs.lfs)) await this.#git('lfs', 'install', '--local')
    await this.#fetch()
    const [ref, ...startPoint] = await this.#checkoutInfo()
    if (isTrue(this.#inputs.lfs) && this.#sparse.length === 0) {
      await this.#git('lfs', 'fetch', 'origin', startPoint[0] ?? ref)
    }
    await this.#setSparse()
    const branch = startPoint.length === 0 ? [] : ['-B']
    await this.#git('checkout', '--progress', '--force', ...branch, ref, ...startPoint)
    await this.#updateSubmodules()
    const commit = await this.#git('log', '-1', '--format=%H')
    if (!this.#persists) await this.#credentials.remove(this.#git)
    await rm(this.#home, { recursive: true })
    return { ref: this.#settings.ref, commit }
  }

  get #persists(): boolean {
    return isTrue(this.#inputs['persist-credentials'] ?? 'true')
  }

  get #sparse(): string[] {
    return (this.#inputs['sparse-checkout'] ?? '').split('\n').filter((pattern) => pattern !== '')
  }

  /** The global configuration is one of its own, which lets git in at the origin. */
  async #prepareHome(): Promise<void> {
    await mkdir(this.#home)
    Object.assign(this.#env, await this.#credentials.write())
    await writeFile(join(this.#home, '.gitconfig'), `${this.#global}${this.#credentials.global}`)
  }

  /** git-directory-helper.ts */
  async #prepareExisting(): Promise<void> {
    if (existsSync(join(this.#directory, '.git')) && (await this.#isOurs()) && (await this.#tidies())) return
    for (const name of await readdir(this.#directory)) {
      await rm(join(this.#directory, name), { recursive: true })
    }
  }

  async #isOurs(): Promise<boolean> {
    return (await this.#tryGit('config', '--local', '--get', 'remote.origin.url')) === this.#url
  }

  async #tidies(): Promise<boolean> {
    for (const lock of ['index.lock', 'shallow.lock']) {
      await rm(join(this.#directory, '.git', lock), { force: true })
    }
    await this.#tryGit('checkout', '--detach')
    const branches = await this.#git('for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads')
    for (const branch of branches.split('\n').filter(Boolean)) {
      await this.#git('branch', '--delete', '--force', branch)
    }
    if ((await this.#tryGit('submodule', 'status')) === undefined) return false
    if (!isTrue(this.#inputs.clean ?? 'true')) return true
    const cleaned = await this.#tryGit('clean', '-ffdx')
    return cleaned !== undefined && (await this.#tryGit('reset', '--hard', 'HEAD', '--')) !== undefined
  }

  async #initialize(): Promise<void> {
    const listed = await this.#tryGit('ls-remote', '--quiet', '--symref', this.#url, 'HEAD')
    const isSha256 = /^[0-9a-f]{64}\tHEAD$/m.test(listed ?? '')
    await this.#git('init', '--quiet', ...(isSha256 ? ['--object-format=sha256'] : []), this.#directory)
    await this.#git('remote', 'add', 'origin', this.#url)
  }

  async #resolveDefaultBranch(): Promise<void> {
    const listed = await this.#git('ls-remote', '--quiet', '--exit-code', '--symref', this.#url, 'HEAD')
    const [, ref = ''] = /^ref: (\S+)\tHEAD$/m.exec(listed) ?? []
    this.#settings = { ...this.#settings, ref }
  }

  async #fetch(): Promise<void> {
    const settings = this.#settings
    if (settings.fetchDepth > 0) {
      await this.#fetchRefspecs(referenceRefspecs(settings))
      if (!(await this.#isAsExpected())) throw this.#moved()
      return
    }
    await this.#fetchRefspecs(referenceRefspecsForAllHistory(settings))
    if (await this.#isAsExpected()) return
    await this.#fetchRefspecs(referenceRefspecs({ ...settings, fetchTags: false }))
    if (!(await this.#isAsExpected())) throw this.#moved()
  }

  async #fetchRefspecs(refspecs: readonly string[]): Promise<void> {
    const { fetchDepth } = this.#settings
    const filter = this.#inputs.filter || (this.#sparse.length > 0 ? 'blob:none' : '')
    const isShallow = existsSync(join(this.#directory, '.git', 'shallow'))
    const options = ['--no-tags', '--prune', '--no-recurse-submodules']
    if (filter !== '') options.push(`--filter=${filter}`)
    if (fetchDepth > 0) options.push(`--depth=${fetchDepth}`)
    else if (isShallow) options.push('--unshallow')
    await this.#git('-c', 'protocol.version=2', 'fetch', ...options, 'origin', ...refspecs)
  }

  /** testRef of ref-helper.ts */
  async #isAsExpected(): Promise<boolean> {
    const { ref, commit } = this.#settings
    if (commit === '') return true
    if (ref === '') return (await this.#resolve(`${commit}^{object}`)) !== undefined
    const [, branch] = /^refs\/heads\/(.+)$/i.exec(ref) ?? []
    if (branch !== undefined) return (await this.#resolve(`refs/remotes/origin/${branch}`)) === commit
    if (/^refs\/tags\//i.test(ref)) return (await this.#resolve(`${ref}^{commit}`)) === commit
    return true
  }

  #moved(): Error {
    const { ref, commit } = this.#settings
    return new Error(
      `The ref '${ref}' does not point to the expected commit '${commit}'. The ref may have been updated after the workflow was triggered.`,
    )
  }

  /** getCheckoutInfo of ref-helper.ts: what is checked out, and a new branch’s start point. */
  async #checkoutInfo(): Promise<[ref: string, ...startPoint: string[]]> {
    const { ref, commit } = this.#settings
    if (ref === '') return [commit]
    const [, kind = '', name = ''] = /^refs\/(?:(heads|pull)\/)?(.+)$/i.exec(ref) ?? []
    if (kind.toLowerCase() === 'heads') return [name, `refs/remotes/origin/${name}`]
    if (kind.toLowerCase() === 'pull') return [`refs/remotes/pull/${name}`]
    if (name !== '') return commit !== '' && !/^refs\/tags\//i.test(ref) ? [commit] : [ref]
    const tracking = `refs/remotes/origin/${ref}`
    if ((await this.#resolve(tracking)) !== undefined) return [ref, tracking]
    if ((await this.#resolve(`refs/tags/${ref}`)) !== undefined) return [`refs/tags/${ref}`]
    throw new Error(`A branch or tag with the name '${ref}' could not be found`)
  }

  async #setSparse(): Promise<void> {
    if (this.#sparse.length === 0) {
      await this.#git('sparse-checkout', 'disable')
      await this.#tryGit('config', '--local', '--unset-all', 'extensions.worktreeConfig')
    } else if (isTrue(this.#inputs['sparse-checkout-cone-mode'] ?? 'true')) {
      await this.#git('sparse-checkout', 'set', ...this.#sparse)
    } else {
      await this.#git('config', 'core.sparseCheckout', 'true')
      const file = join(this.#directory, await this.#git('rev-parse', '--git-path', 'info/sparse-checkout'))
      await appendFile(file, `\n${this.#sparse.join('\n')}\n`)
    }
  }

  async #updateSubmodules(): Promise<void> {
    const wanted = (this.#inputs.submodules ?? '').toUpperCase()
    if (wanted !== 'TRUE' && wanted !== 'RECURSIVE') return
    const nested = wanted === 'RECURSIVE' ? ['--recursive'] : []
    const { fetchDepth } = this.#settings
    const depth = fetchDepth > 0 ? [`--depth=${fetchDepth}`] : []
    await this.#git('submodule', 'sync', ...nested)
    await this.#git(
      '-c',
      'protocol.version=2',
      'submodule',
      'update',
      '--init',
      '--force',
      ...depth,
      ...nested,
    )
    await this.#git('submodule', 'foreach', ...nested, 'git config --local gc.auto 0')
    if (!this.#persists) return
    const origins = await this.#git(
      ...['submodule', 'foreach', '--quiet', ...nested, 'git rev-parse --absolute-git-dir'],
    )
    for (const gitDirectory of origins.split('\n').filter(Boolean)) {
      await this.#credentials.configureSubmodule(this.#git, gitDirectory)
    }
  }

  async #resolve(revision: string): Promise<string | undefined> {
    return this.#tryGit('rev-parse', '--verify', '--quiet', revision)
  }

  async #tryGit(...args: string[]): Promise<string | undefined> {
    return this.#git(...args).catch(() => undefined)
  }

  readonly #git = async (...args: string[]): Promise<string> => {
    const options = { cwd: this.#directory, env: this.#env, maxBuffer: 1 << 26 }
    return (await promisify(execFile)('git', args, options)).stdout.trimEnd()
  }
}
