import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { git } from './git-repo.ts'
import { storeLfs } from './lfs-upstream.ts'
import { makePlace } from './place.ts'
import { skipWithout } from './programs.ts'
import { type Job, portraitAt, runReference, useSite } from './site.ts'
import { temporary } from './temporary.ts'

const site = useSite()

async function checkOut(job: Job) {
  const place = makePlace()
  const again = () => runReference(site, job, place)
  const outputs = await again()
  return { ...place, outputs, again, portrait: await portraitAt(place, job) }
}

it('leaves what actions/checkout leaves after a push', async () => {
  const { portrait, outputs, temp } = await checkOut({ github: { sha: site.tip } })
  expect(outputs).toEqual({ ref: 'refs/heads/main', commit: site.tip })
  expect(portrait).toMatchObject({
    head: site.tip,
    symbolicRef: 'refs/heads/main',
    refs: [`refs/heads/main commit ${site.tip} `, `refs/remotes/origin/main commit ${site.tip} `],
    status: [
      `# branch.oid ${site.tip}`,
      '# branch.head main',
      '# branch.upstream origin/main',
      '# branch.ab +0 -0',
    ],
    hooks: [],
    submodules: [],
  })
  expect(portrait.config.map((line) => line.replace('local\t', ''))).toEqual([
    'branch.main.merge=refs/heads/main',
    'branch.main.remote=origin',
    'core.bare=false',
    'core.filemode=true',
    'core.logallrefupdates=true',
    'core.repositoryformatversion=0',
    'gc.auto=0',
    'includeif.gitdir:/github/workspace/.git.path=/github/runner_temp/git-credentials-<uuid>.config',
    'includeif.gitdir:/github/workspace/.git/worktrees/*.path=/github/runner_temp/git-credentials-<uuid>.config',
    'includeif.gitdir:<workspace>/.git.path=<temp>/git-credentials-<uuid>.config',
    'includeif.gitdir:<workspace>/.git/worktrees/*.path=<temp>/git-credentials-<uuid>.config',
    'remote.origin.fetch=+refs/heads/*:refs/remotes/origin/*',
    `remote.origin.url=${site.forge.github.url}/octo/project`,
  ])
  expect(portrait.shallow).toEqual([site.tip])
  expect(readdirSync(temp)).toEqual([expect.stringMatching(/^git-credentials-[0-9a-f-]+\.config$/)])
})

it('asks the server for a token, and has it', async () => {
  await checkOut({ github: { sha: site.tip } })
  const { log } = site.forge.github
  expect(new Set(log.map(({ status }) => status))).toEqual(new Set([200]))
  await expect(git(temporary(), 'ls-remote', `${site.forge.github.url}/octo/project`)).rejects.toThrow(
    /rompt/,
  )
  expect(log.at(-1)?.status).toBe(401)
})

it('detaches at pull requests, tags and commits, and keeps annotations', async () => {
  const { merge } = await site.upstream.pullRequest(7, [{ path: 'pull.txt', content: 'request\n' }])
  await site.upstream.git('tag', '--annotate', '--message=one', 'v1', site.tip)
  const pull = await checkOut({ github: { ref: 'refs/pull/7/merge', sha: merge } })
  expect(pull.portrait).toMatchObject({ head: merge, symbolicRef: '' })
  expect(pull.portrait.refs).toEqual([`refs/remotes/pull/7/merge commit ${merge} `])
  const tag = await checkOut({ github: { ref: 'refs/tags/v1', sha: site.tip } })
  expect(tag.portrait.refs).toEqual([expect.stringMatching('^refs/tags/v1 tag ')])
  const commit = await checkOut({ inputs: { ref: site.tip } })
  expect(commit.portrait).toMatchObject({ head: site.tip, symbolicRef: '', refs: [] })
})

it('refuses a tag that was moved', async () => {
  await site.upstream.git('tag', 'v1', `${site.tip}~1`)
  const job = { github: { ref: 'refs/tags/v1', sha: site.tip } }
  await expect(checkOut(job)).rejects.toThrow('may have been updated after the workflow was triggered')
})

it('cleans the same directory for a second job, but not with clean: false', async () => {
  for (const clean of ['true', 'false']) {
    const job = await checkOut({ inputs: { clean }, github: { sha: site.tip } })
    writeFileSync(join(job.workspace, 'left.txt'), 'from the job before')
    writeFileSync(join(job.workspace, '.git', 'index.lock'), '')
    await job.again()
    expect(existsSync(join(job.workspace, 'left.txt'))).toBe(clean === 'false')
  }
})

it('fetches content for LFS pointers', async (context) => {
  skipWithout(context, 'git-lfs')
  const content = Buffer.from('large')
  const sha = await site.upstream.commit([
    { path: '.gitattributes', content: '*.dat filter=lfs diff=lfs merge=lfs -text\n' },
    { path: 'large.dat', content: (await storeLfs(site.upstream, content)).pointer },
  ])
  const { workspace, portrait } = await checkOut({ inputs: { lfs: 'true' }, github: { sha } })
  expect(readFileSync(join(workspace, 'large.dat'))).toEqual(content)
  expect(portrait.hooks).toContain('pre-push')
  const pointers = await checkOut({ github: { sha } })
  expect(readFileSync(join(pointers.workspace, 'large.dat'), 'utf8')).toMatch(/^version/)
})
