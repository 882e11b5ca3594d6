import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, onTestFinished } from 'vitest'
import { run } from './action-run.ts'
import { type Forge, startForge } from './forge.ts'
import { type FileChange, gitBytes, type Upstream } from './git-repo.ts'
import type { Place } from './place.ts'
import { type Portrait, portraitOf, shallowCommits } from './portrait.ts'
import { referenceCheckout } from './reference-checkout.ts'
import type { RunResult } from './runner.ts'
import type { GithubContext } from './runner-environment.ts'
import { temporary } from './temporary.ts'

/** A forge with the repository `octo/project`, for the running test. */
export type Site = {
  readonly forge: Forge
  readonly upstream: Upstream
  /** The commit of `main`, which the snapshot holds. */
  readonly tip: string
}

export type Job = {
  /** The repository that the job is of; default the site's. */
  readonly upstream?: Upstream
  readonly github?: Partial<GithubContext>
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** What the machine's git is told for all repositories, as the text of a config file. */
  readonly settings?: string
  /** Comes before `ssh` on the PATH. */
  readonly ssh?: string
}

type Where = Partial<Place> & { readonly signal?: AbortSignal }

/** One of its own for the running test. */
export async function startSite(): Promise<Site> {
  const forge = await startForge()
  onTestFinished(() => forge.close())
  const upstream = await forge.makeRepository('octo/project')
  await forge.snapshot(upstream)
  return { forge, upstream, tip: await upstream.git('rev-parse', 'main') }
}

/** One of its own for each test of a file, complete once the test runs. */
export function useSite(): Site {
  const site = {} as Site
  beforeEach(async () => {
    Object.assign(site, await startSite())
  })
  return site
}

/** What a commit changes: a file that has its name in it. */
export function change(path: string): FileChange[] {
  return [{ path, content: `${path}\n` }]
}

/** Runs the built action in this job, with the site's snapshot server. */
export function runJob(site: Site, job: Job, where: Where = {}): Promise<RunResult> {
  return run({
    ...where,
    inputs: { server: site.forge.snapshots.url, ...job.inputs },
    github: site.forge.job(job.upstream ?? site.upstream, job.github),
    env: {
      GIT_CONFIG_NOSYSTEM: '1',
      ...(job.ssh === undefined ? {} : { PATH: `${join(job.ssh, '..')}:${process.env.PATH}` }),
      ...(job.settings === undefined ? {} : { GIT_CONFIG_GLOBAL: configFile(job.settings) }),
      ...job.env,
    },
  })
}

/** Runs what actions/checkout would in this job. */
export function runReference(site: Site, job: Job, place: Place): Promise<{ ref: string; commit: string }> {
  return referenceCheckout({
    ...place,
    inputs: job.inputs ?? {},
    settings: job.settings ?? '',
    github: site.forge.job(job.upstream ?? site.upstream, job.github),
    ...(job.ssh === undefined ? {} : { ssh: job.ssh }),
  })
}

function configFile(settings: string): string {
  const file = join(temporary(), 'gitconfig')
  writeFileSync(file, settings)
  return file
}

export async function portraitAt(
  place: Place,
  { inputs, settings }: Job,
): Promise<Portrait & { shallow: string[] }> {
  const directory = join(place.workspace, inputs?.path ?? '')
  const configs = settings === undefined ? [] : [configFile(settings)]
  return { ...(await portraitOf({ ...place, directory, configs })), shallow: shallowCommits(directory) }
}

export type Submodule = { readonly path: string; readonly url: string; readonly commit: string }

/** Commits submodules, and a .gitmodules that names them, on top of `main`. */
export async function commitSubmodules(
  upstream: Upstream,
  submodules: readonly Submodule[],
): Promise<string> {
  const modules = submodules
    .map(({ path, url }) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`)
    .join('')
  const stream = [
    'commit refs/heads/main\ncommitter Ada Author <ada@example.com> 1700009999 +0000\ndata 10\nsubmodules\n',
    'from refs/heads/main^0\n',
    `M 100644 inline .gitmodules\ndata ${Buffer.byteLength(modules)}\n${modules}\n`,
    ...submodules.map(({ path, commit }) => `M 160000 ${commit} ${path}\n`),
  ]
  await gitBytes(upstream.directory, ['fast-import', '--quiet'], Buffer.from(stream.join('')))
  return upstream.git('rev-parse', 'main')
}
