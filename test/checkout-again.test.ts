import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectRestored } from './support/action-run.ts'
import { git } from './support/git-repo.ts'
import { makePlace, type Place } from './support/place.ts'
import type { Portrait } from './support/portrait.ts'
import type { RunResult } from './support/runner.ts'
import { change, type Job, portraitAt, runJob, runReference, useSite } from './support/site.ts'
import { temporary } from './support/temporary.ts'

const site = useSite()

/** What a job does to its working copy. */
type Work = (directory: string) => Promise<unknown>

/** Runs a job, its post step, and what it does to its working copy meanwhile. */
async function runFirst(job: Job, work: Work = async () => {}): Promise<Place> {
  const place = makePlace()
  const first = await runJob(site, job, place)
  expectRestored(first)
  expect(first.outputs.outcome).toBe('restored')
  await work(place.workspace)
  await first.runPost()
  return place
}

/** Runs a job where one was before, and expects what actions/checkout gives a job that is the first. */
async function runNext(job: Job, place: Place): Promise<RunResult> {
  const fresh = makePlace()
  const outputs = await runReference(site, job, fresh)
  const result = await runJob(site, job, place)
  expectRestored(result)
  expect(result.outputs).toMatchObject(outputs)
  const [theirs, ours] = [await portraitAt(fresh, job), await portraitAt(place, job)]
  expect(essenceOf(ours)).toEqual(essenceOf(theirs))
  expect(ours.refs).toEqual(expect.arrayContaining([...theirs.refs]))
  expect(ours.refs.filter(isLocalBranch)).toEqual(theirs.refs.filter(isLocalBranch))
  expect(await git(place.workspace, 'fsck', '--no-dangling', '--no-progress')).toBe('')
  return result
}

/** All but remote-tracking refs and tags, of which a working copy that is used again may have more. */
function essenceOf({ refs: _refs, ...rest }: Portrait & { shallow: string[] }): unknown {
  return { ...rest, shallow: [] }
}

function isLocalBranch(line: string): boolean {
  return line.startsWith('refs/heads/')
}

describe('a second job in the same directory', () => {
  it('has another branch checked out, with nothing of the first', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await git(directory, 'checkout', '--quiet', '-b', 'mine')
      await git(directory, 'commit', '--quiet', '--allow-empty', '--message=mine')
    })
    await site.upstream.git('branch', 'feature', 'main~2')
    const sha = await site.upstream.commit(change('feature.txt'), { branch: 'feature' })
    const result = await runNext({ github: { ref: 'refs/heads/feature', sha } }, place)
    expect(result.outputs.outcome).toBe('reused')
    expect(existsSync(join(place.workspace, 'src', 'new.ts'))).toBe(false)
  })

  it('has a branch checked out whose name is the first one’s directory', async () => {
    await site.upstream.git('branch', 'topic', 'main')
    const place = await runFirst({ github: { ref: 'refs/heads/topic', sha: site.tip } })
    await site.upstream.git('branch', '--delete', '--force', 'topic')
    await site.upstream.git('branch', 'topic/one', 'main~1')
    const sha = await site.upstream.commit(change('one.txt'), { branch: 'topic/one' })
    const result = await runNext({ github: { ref: 'refs/heads/topic/one', sha } }, place)
    expect(result.outputs.outcome).toBe('reused')
  })

  it('has the same branch at its new commit, and a clean tree where files were changed', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await writeFile(join(directory, 'README.md'), 'changed')
      await writeFile(join(directory, 'src', 'untracked.ts'), 'untracked')
      await appendFile(join(directory, '.git', 'info', 'exclude'), '*.log\n').catch(() => {})
      await writeFile(join(directory, 'ignored.log'), 'ignored')
      await rm(join(directory, 'src', 'new.ts'))
      await chmod(join(directory, 'bin', 'run'), 0o644)
      await git(directory, 'add', '--all')
      await mkdir(join(directory, 'nested'))
      await git(join(directory, 'nested'), 'init', '--quiet')
    })
    const sha = await site.upstream.commit(change('newer.txt'))
    const result = await runNext({ github: { sha } }, place)
    expect(result.outputs.outcome).toBe('reused')
  })

  it('is not held up by locks that a killed git left', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      for (const lock of ['index.lock', 'shallow.lock']) await writeFile(join(directory, '.git', lock), '')
    })
    const result = await runNext({ github: { sha: site.tip } }, place)
    expect(result.outputs).toMatchObject({ outcome: 'reused', 'freshened-by': 'none' })
  })

  it('asks the snapshot server for no snapshot', async () => {
    const place = await runFirst({ github: { sha: site.tip } })
    site.forge.snapshots.log.length = 0
    await runNext({ github: { sha: site.tip } }, place)
    expect(site.forge.snapshots.log.filter(({ path }) => path.endsWith('snapshot.tar.zst'))).toEqual([])
  })

  it('is restored anew for another repository', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await writeFile(join(directory, 'left.txt'), 'left')
    })
    const upstream = await site.forge.makeRepository('octo/other', { history: [change('other.txt')] })
    await site.forge.snapshot(upstream)
    const sha = await upstream.git('rev-parse', 'main')
    const result = await runNext({ upstream, github: { sha } }, place)
    expect(result.outputs.outcome).toBe('restored')
    expect(await git(place.workspace, 'ls-files')).toBe('other.txt')
  })

  it.each([
    ['HEAD', 'broken'],
    ['index', 'broken'],
    ['config', '[broken'],
  ])('is right where %s of the first is damaged', async (name, content) => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await writeFile(join(directory, '.git', name), content)
    })
    await runNext({ github: { sha: site.tip } }, place)
  })

  it('is right where objects of the first are gone', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await rm(join(directory, '.git', 'objects'), { recursive: true })
      await mkdir(join(directory, '.git', 'objects'))
    })
    await runNext({ github: { sha: site.tip } }, place)
  })

  it('is right where the first was of actions/checkout', async () => {
    const place = makePlace()
    await runReference(site, { github: { sha: site.tip }, inputs: { 'persist-credentials': 'false' } }, place)
    const sha = await site.upstream.commit(change('newer.txt'))
    const result = await runNext({ github: { sha } }, place)
    expect(result.outputs.outcome).toBe('reused')
  })

  it('runs nothing that the first left in .git', async () => {
    const proof = join(temporary(), 'ran')
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      const program = join(directory, '.git', 'evil')
      await writeFile(program, `#!/bin/sh\ntouch '${proof}'\ncat\n`, { mode: 0o755 })
      await mkdir(join(directory, '.git', 'hooks'), { recursive: true })
      for (const hook of ['post-checkout', 'post-index-change', 'reference-transaction']) {
        await symlink(program, join(directory, '.git', 'hooks', hook))
      }
      await mkdir(join(directory, '.git', 'info'), { recursive: true })
      await writeFile(join(directory, '.git', 'info', 'attributes'), '* filter=evil\n')
      const settings = [
        'filter.evil.smudge',
        'filter.evil.clean',
        'core.alternateRefsCommand',
        'core.fsmonitor',
      ]
      for (const key of settings) await git(directory, 'config', '--local', key, program)
      await rm(proof, { force: true })
    })
    const sha = await site.upstream.commit(change('newer.txt'))
    await runNext({ github: { sha } }, place)
    expect(existsSync(proof)).toBe(false)
  })

  it('keeps its changes with clean: false, where the new commit does not touch them', async () => {
    const place = await runFirst({ github: { sha: site.tip } }, async (directory) => {
      await writeFile(join(directory, 'cache.txt'), 'from the job before')
    })
    const sha = await site.upstream.commit(change('newer.txt'))
    const result = await runJob(site, { github: { sha }, inputs: { clean: 'false' } }, place)
    expectRestored(result)
    expect(result.outputs).toMatchObject({ outcome: 'reused', commit: sha })
    expect(await readFile(join(place.workspace, 'cache.txt'), 'utf8')).toBe('from the job before')
    expect(await git(place.workspace, 'status', '--porcelain')).toBe('?? cache.txt')
  })

  it('goes from a sparse working copy to a whole one, and back', async () => {
    const sparse = { github: { sha: site.tip }, inputs: { 'sparse-checkout': 'src' } }
    const whole = { github: { sha: site.tip } }
    const place = await runFirst(sparse)
    for (const job of [whole, sparse]) {
      const result = await runJob(site, job, place)
      expectRestored(result)
      const fresh = makePlace()
      await runReference(site, job, fresh)
      const [theirs, ours] = [await portraitAt(fresh, job), await portraitAt(place, job)]
      expect(ours).toMatchObject({ tree: theirs.tree, index: theirs.index, status: theirs.status })
      await result.runPost()
    }
  })
})
