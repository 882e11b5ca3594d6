import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Azurite } from './azurite.ts'
import { type CacheService, startCacheService } from './cache-service.ts'
import { DocumentedJob, type Variables } from './documented-job.ts'
import { afterDiff, type Block } from './documents.ts'
import { type Forge, startForge } from './forge.ts'
import { git, gitEnvironment } from './git-repo.ts'
import { basicCredential } from './github-server.ts'
import { type IdTokenServer, startIdTokenServer } from './id-token-server.ts'
import { startNginx } from './nginx.ts'
import { temporary } from './temporary.ts'
import { stepsOf, wholeWorkflow } from './workflow-snippet.ts'

/** The job's repository in the documentation, and the one that is checked out beside it. */
const REPOSITORIES = ['octo-org/app', 'octo-org/octo-repo'] as const

type Made = {
  readonly service: CacheService
  readonly idTokens: IdTokenServer
  /** Of the job. */
  readonly commit: string
  /** What `https://snapshots.example.com` serves. */
  readonly files: { readonly directory: string; readonly url: string }
}

/**
 * Where what the documentation shows is run: its addresses lead to real servers that have what they promise, its
 * directories to empty ones. One for the running test.
 */
export class DocumentedStage {
  readonly #forge: Forge
  readonly #made: Made
  /** What stands in the documentation, and what that is here. */
  readonly #places: readonly (readonly [name: string, place: string])[]
  #env: Variables = {}

  private constructor(forge: Forge, made: Made) {
    this.#forge = forge
    this.#made = made
    this.#places = [
      ['https://cachew.example.com', forge.snapshots.url],
      ['https://cachew-2.example.com', forge.snapshots.url.replace('127.0.0.1', 'localhost')],
      ['https://snapshots.example.com', made.files.url],
      ['/var/cache/git-snapshot', temporary()],
    ]
  }

  static async start(azurite: Azurite): Promise<DocumentedStage> {
    const forge = await startForge()
    for (const name of REPOSITORIES) await forge.snapshot(await forge.makeRepository(name))
    const service = await startCacheService({ store: azurite })
    const idTokens = await startIdTokenServer()
    const directory = temporary()
    const nginx = await startNginx({ root: directory })
    if (nginx === undefined) throw new Error('nginx is not on PATH')
    onTestFinished(async () => {
      await Promise.all([forge.close(), service.close(), idTokens.close(), nginx.close()])
    })
    const commit = await git(join(forge.repositories, `${REPOSITORIES[0]}.git`), 'rev-parse', 'main')
    return new DocumentedStage(forge, { service, idTokens, commit, files: { directory, url: nginx.url } })
  }

  /** Plays a block as its reader would; what each of its steps came to, in words. */
  async play({ language, text }: Block): Promise<string[]> {
    if (language === 'dotenv') this.#env = { ...this.#env, ...variablesIn(this.#placed(text)) }
    if (language === 'sh') await this.#shell(text, this.#made.files.directory)
    if (language === 'yaml') return this.#job(text)
    return language === 'diff' ? this.#job(afterDiff(text)) : []
  }

  async #job(text: string): Promise<string[]> {
    const { github, token } = this.#forge
    const { service, commit: sha, idTokens } = this.#made
    const workflow = wholeWorkflow(this.#placed(text))
    const grants = Object.values(workflow.jobs).map(({ permissions }) => permissions?.['id-token'])
    const job = new DocumentedJob({
      inputs: { 'github-server-url': github.url },
      github: { repository: REPOSITORIES[0], token, sha },
      env: {
        GIT_CONFIG_NOSYSTEM: '1',
        ...service.env,
        ...(grants.includes('write') ? idTokens.env : {}),
        ...this.#env,
        ...workflow.env,
      },
      secrets: { CACHEW_TOKEN: 'cachew-s3cret' },
      shell: (script, cwd, env) => this.#shell(script, cwd, env),
    })
    for (const step of stepsOf(workflow)) await job.step(step)
    await job.end()
    return job.outcomes
  }

  /** What is said to be at github.com is at the stage's GitHub server. */
  async #shell(script: string, cwd: string, variables: Variables = {}): Promise<void> {
    const { github, token } = this.#forge
    const env = {
      ...gitEnvironment,
      ...variables,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: `url.${github.url}/.insteadOf`,
      GIT_CONFIG_VALUE_0: 'https://github.com/',
      GIT_CONFIG_KEY_1: `http.${github.url}/.extraheader`,
      GIT_CONFIG_VALUE_1: `AUTHORIZATION: basic ${basicCredential(token)}`,
    }
    await promisify(execFile)('sh', ['-eu', '-c', this.#placed(script)], { cwd, env })
  }

  #placed(text: string): string {
    return this.#places.reduce((placed, [name, place]) => placed.replaceAll(name, place), text)
  }
}

function variablesIn(text: string): Variables {
  const lines = text.split('\n').filter((line) => line !== '')
  const pairs = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  return Object.fromEntries(pairs)
}
