import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { moveTags } from '../scripts/release-tags.ts'
import { requireVersion } from '../scripts/release-version.ts'
import { git, makeUpstream, type Upstream } from './support/git-repo.ts'
import { temporary } from './support/temporary.ts'

/** A bare origin with one commit, and a clone of it from which tags are moved. */
async function project(): Promise<{ upstream: Upstream; clone: string }> {
  const root = temporary()
  const upstream = await makeUpstream({ root }, [[{ path: 'a', content: '1' }]])
  const clone = join(root, 'clone')
  await git(root, 'clone', '--quiet', upstream.directory, clone)
  return { upstream, clone }
}

/** Publishes versions, each at a new commit, and returns the commits. */
async function publish(upstream: Upstream, ...tags: readonly string[]): Promise<readonly string[]> {
  const commits: string[] = []
  for (const tag of tags) {
    const commit = await upstream.commit([{ path: 'a', content: tag }])
    await upstream.git('tag', tag, commit)
    commits.push(commit)
  }
  return commits
}

async function move(clone: string, tag: string): Promise<readonly string[]> {
  await git(clone, 'fetch', '--quiet', '--tags', '--force')
  return moveTags(clone, requireVersion(tag))
}

const at = (upstream: Upstream, tag: string) => upstream.git('rev-parse', `refs/tags/${tag}`)

describe('the tags v1 and v1.2', () => {
  it('are made by the first release, and moved by the next ones', async () => {
    const { upstream, clone } = await project()
    const [first] = await publish(upstream, 'v1.0.0')
    expect(await move(clone, 'v1.0.0')).toEqual(['v1', 'v1.0'])
    const [second] = await publish(upstream, 'v1.1.0')
    expect(await move(clone, 'v1.1.0')).toEqual(['v1', 'v1.1'])
    expect(await at(upstream, 'v1')).toBe(second)
    expect(await at(upstream, 'v1.1')).toBe(second)
    expect(await at(upstream, 'v1.0')).toBe(first)
    expect(await at(upstream, 'v1.0.0')).toBe(first)
  })

  it('never go back: a fix of 1.1 after 1.2 moves v1.1 alone', async () => {
    const { upstream, clone } = await project()
    const [, newest] = await publish(upstream, 'v1.1.4', 'v1.2.0')
    await move(clone, 'v1.1.4')
    await move(clone, 'v1.2.0')
    const [fix] = await publish(upstream, 'v1.1.5')
    expect(await move(clone, 'v1.1.5')).toEqual(['v1.1'])
    expect(await at(upstream, 'v1.1')).toBe(fix)
    expect(await at(upstream, 'v1')).toBe(newest)
    expect(await at(upstream, 'v1.2')).toBe(newest)
  })

  it('stay where they are for a prerelease, and when they are moved a second time', async () => {
    const { upstream, clone } = await project()
    const [stable] = await publish(upstream, 'v1.0.0', 'v1.1.0-rc.1')
    await move(clone, 'v1.0.0')
    expect(await move(clone, 'v1.1.0-rc.1')).toEqual([])
    expect(await move(clone, 'v1.0.0')).toEqual([])
    expect(await at(upstream, 'v1')).toBe(stable)
  })

  it('name the commit, where the version is a tag object', async () => {
    const { upstream, clone } = await project()
    const commit = await upstream.commit([{ path: 'a', content: '2' }])
    await upstream.git('tag', '--annotate', '--message=1.0.0', 'v1.0.0', commit)
    expect(await move(clone, 'v1.0.0')).toEqual(['v1', 'v1.0'])
    expect(await at(upstream, 'v1')).toBe(commit)
  })

  it('all stay where one of them may not be moved', async () => {
    const { upstream, clone } = await project()
    const [first] = await publish(upstream, 'v1.0.0')
    await move(clone, 'v1.0.0')
    await publish(upstream, 'v1.0.1')
    await git(clone, 'fetch', '--quiet', '--tags')
    await upstream.git('tag', '--delete', 'v1.0')
    await upstream.git('tag', 'v1.0/taken', first ?? '')
    expect(() => moveTags(clone, requireVersion('v1.0.1'))).toThrow()
    expect(await at(upstream, 'v1')).toBe(first)
  })

  it('are not moved to a version that the origin does not have', async () => {
    const { clone } = await project()
    await git(clone, 'tag', 'v1.0.0')
    expect(() => moveTags(clone, requireVersion('v1.0.0'))).toThrow(
      'the origin has no tag v1.0.0: publish the release first',
    )
  })
})
