import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FreshenOptions, freshen } from '../../src/git/freshen.ts'
import type { Origin } from '../../src/git/origin.ts'
import { settingsEnvironment } from '../../src/git/settings.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { cloneUpstream, git, gitBytes, gitEnvironment } from '../support/git-repo.ts'
import { listen } from '../support/listening.ts'
import { type SnapshotServer, startSnapshotServer } from '../support/snapshot-server.ts'
import { type ServedOrigin, serveOrigin } from './served-origin.ts'

const MAIN = 'refs/heads/main'

let served: ServedOrigin
let tree: string
let cache: SnapshotServer
let base: string
let lines: string[]

/** A clone as a snapshot has it, before the origin goes on. */
beforeEach(async () => {
  served = await serveOrigin()
  tree = join(served.root, 'tree')
  cache = await startSnapshotServer({ upstreams: join(served.root, 'upstreams') })
  base = await served.upstream.git('rev-parse', 'main')
  lines = []
})

afterEach(async () => {
  await cache.close()
  await served.close()
})

async function snapshot(...options: string[]): Promise<void> {
  await git(served.root, 'clone', '--quiet', ...options, `file://${served.upstream.directory}`, tree)
  await git(tree, 'remote', 'set-url', 'origin', served.origin.url)
}

function cacheEndpoint(host = served.upstream.host): Origin {
  const headers = [[`http.${cache.url}/.extraheader`, 'X-Cache-Key: open sesame']] as const
  return {
    url: `${cache.url}/git/${host}/octo/project`,
    env: settingsEnvironment(headers, gitEnvironment),
  }
}

/** Where each answer goes on without end, fast enough for git never to take it for a halt; ended with the test. */
async function endlessEndpoint(asked: () => void = () => {}): Promise<Origin> {
  const server = createServer((_request, response) => {
    asked()
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
    const writing = setInterval(() => response.write('0'.repeat(400)), 100)
    response.on('close', () => clearInterval(writing))
  })
  return { url: `http://127.0.0.1:${await listen(server)}/project`, env: gitEnvironment }
}

const nowhere: Pick<FreshenOptions, 'bundle' | 'server'> = {
  bundle: async () => undefined,
  server: async () => undefined,
}
const unasked: typeof nowhere = {
  bundle: () => Promise.reject(new Error('the bundle was asked for')),
  server: () => Promise.reject(new Error('the server was asked for')),
}

function freshenTo(ref: string, commit: string, options: Partial<FreshenOptions> = {}) {
  const { origin, retries, place } = served
  return freshen({
    ...place,
    ...nowhere,
    tree,
    clone: 'new',
    target: targetOf(ref, commit),
    origin,
    depth: 1,
    tags: 'none',
    retries,
    onProgress: undefined,
    log: (line) => lines.push(line),
    ...options,
  })
}

/** Remote-tracking refs and tags, with what they name. */
async function refs(): Promise<Record<string, string>> {
  const format = '--format=%(refname) %(objectname)'
  const listed = await git(tree, 'for-each-ref', format, 'refs/remotes', 'refs/tags')
  return Object.fromEntries(listed.split('\n').map((line) => line.split(' ')))
}

const bundleOf = (range: string) => async () => {
  const file = join(served.root, 'x.bundle')
  await served.upstream.git('bundle', 'create', '--quiet', file, 'main', range)
  return file
}

const next = (branch = 'main') =>
  served.upstream.commit([{ path: 'README.md', content: `${branch} goes on\n` }], { branch })
const hasCommit = (commit: string) =>
  git(tree, 'cat-file', '-e', `${commit}^{commit}`).then(
    () => true,
    () => false,
  )

describe('a commit that the snapshot has', () => {
  it('is there without a question to anybody', async () => {
    const older = await served.upstream.git('rev-parse', 'main~1')
    await snapshot()
    expect(await freshenTo(MAIN, older, unasked)).toBe('none')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': older })
    expect(served.github.log).toEqual([])
    expect(await git(tree, 'symbolic-ref', 'HEAD')).toBe(MAIN)
    expect(await git(tree, 'rev-parse', 'HEAD')).toBe(base)
  })

  it('leaves no ref that may be stale', async () => {
    await served.upstream.git('branch', 'other', base)
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'v1')
    await served.upstream.git('tag', 'caf\u00e9')
    await snapshot()
    await git(tree, 'update-ref', 'refs/remotes/pull/1/merge', base)
    await git(tree, 'update-ref', 'refs/notes/commits', base)
    expect(Object.keys(await refs())).toHaveLength(6)
    expect(await freshenTo('', base, unasked)).toBe('none')
    expect(await git(tree, 'for-each-ref')).toBe('')
    expect(await git(tree, 'rev-parse', 'HEAD')).toBe(base)
  })

  it('leaves no other local branch', async () => {
    await snapshot()
    for (const name of ['a', 'b/c']) await git(tree, 'update-ref', `refs/heads/${name}`, base)
    expect(await freshenTo(MAIN, base, unasked)).toBe('none')
    expect(await git(tree, 'for-each-ref', '--format=%(refname)', 'refs/heads')).toBe(MAIN)
    expect(await git(tree, 'symbolic-ref', 'HEAD')).toBe(MAIN)
  })

  it('is there in spite of a ref whose name is not UTF-8', async () => {
    await snapshot()
    const command = Buffer.from(`create refs/tags/caf\xe9 ${base}\n`, 'latin1')
    await gitBytes(tree, ['update-ref', '--stdin'], command)
    expect(await freshenTo(MAIN, base, unasked)).toBe('none')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': base, 'refs/tags/caf\ufffd': base })
  })

  it('gets its tracking ref where a directory of others was', async () => {
    await served.upstream.git('branch', 'feature/a', base)
    await served.upstream.git('branch', 'topic', base)
    await snapshot()
    await freshenTo('refs/heads/feature', base, unasked)
    expect(await refs()).toEqual({ 'refs/remotes/origin/feature': base })
    await freshenTo('refs/heads/feature/a/b', base, unasked)
    expect(await refs()).toEqual({ 'refs/remotes/origin/feature/a/b': base })
  })
})

describe('a commit newer than the snapshot', () => {
  it('comes from the bundle', async () => {
    await snapshot()
    const tip = await next()
    const options = { bundle: bundleOf(`^${base}`), server: unasked.server }
    expect(await freshenTo(MAIN, tip, options)).toBe('bundle')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': tip })
    expect(await git(tree, 'rev-list', '--objects', '--quiet', tip)).toBe('')
    expect(served.github.log).toEqual([])
    expect(lines).toEqual([])
  })

  it.each([
    ['is cut off', async (file: string) => writeFile(file, (await readFile(file)).subarray(0, -60))],
    ['is no bundle', (file: string) => writeFile(file, '<html>Not Found</html>')],
    ['is not there', (file: string) => rm(file)],
  ])('comes from the server where the bundle %s', async (_, damage) => {
    await snapshot()
    const tip = await next()
    const bundle = async () => {
      const file = await bundleOf(`^${base}`)()
      await damage(file)
      return file
    }
    expect(await freshenTo(MAIN, tip, { bundle, server: async () => cacheEndpoint() })).toBe('server')
    expect(await hasCommit(tip)).toBe(true)
    expect(lines).toEqual([expect.stringMatching(/^git bundle failed .*; going on without it$/)])
  })

  it('comes from the server where the bundle is of another commit', async () => {
    await snapshot()
    const between = await next()
    const tip = await next()
    const file = await bundleOf(`^${between}`)()
    expect(
      await freshenTo(MAIN, tip, { bundle: async () => file, server: async () => cacheEndpoint() }),
    ).toBe('server')
  })

  it('comes from the server without a word where the bundle is of another branch', async () => {
    await snapshot()
    await next()
    const topic = await next('topic')
    const options = { bundle: bundleOf(`^${base}`), server: async () => cacheEndpoint() }
    expect(await freshenTo('refs/heads/topic', topic, options)).toBe('server')
    expect(lines).toEqual([])
  })

  it('comes from elsewhere where the bundle lacks its files', async () => {
    await snapshot()
    const tip = await next()
    const commitOnly = join(served.root, 'commit-only.bundle')
    const packed = await gitBytes(
      served.upstream.directory,
      ['pack-objects', '--stdout', '-q'],
      Buffer.from(`${tip}\n`),
    )
    const head = `# v2 git bundle\n-${base} base\n${tip} ${MAIN}\n\n`
    await writeFile(commitOnly, Buffer.concat([Buffer.from(head), packed]))
    expect(await freshenTo(MAIN, tip, { bundle: async () => commitOnly })).toBe('origin')
    expect(await git(tree, 'rev-list', '--objects', '--quiet', tip)).toBe('')
  })

  it('comes from the server alone, which is told its own secret and no other', async () => {
    await snapshot()
    const { merge } = await served.upstream.pullRequest(7, [{ path: 'new', content: 'new\n' }])
    await served.upstream.git('tag', 'v2', merge)
    const server = async () => cacheEndpoint()
    expect(await freshenTo('refs/pull/7/merge', merge, { server })).toBe('server')
    expect(await refs()).toEqual({ 'refs/remotes/pull/7/merge': merge })
    expect(served.github.log).toEqual([])
    expect(cache.log.length).toBeGreaterThan(0)
    for (const { headers } of cache.log) {
      expect(headers['x-cache-key']).toBe('open sesame')
      expect(headers.authorization).toBeUndefined()
    }
  })

  it('comes from the origin where the server does not have the repository', async () => {
    await snapshot()
    const tip = await next()
    const server = async () => cacheEndpoint('elsewhere.example')
    expect(await freshenTo(MAIN, tip, { server })).toBe('origin')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': tip })
    expect(lines).toEqual([expect.stringMatching(/^git fetch failed .*; going on without it$/)])
    expect(served.delays).toEqual([])
  })

  it('comes from the origin where the server leads elsewhere, and its secret goes nowhere', async () => {
    await snapshot()
    const tip = await next()
    const elsewhere = await startSnapshotServer({
      upstreams: join(served.root, 'upstreams'),
      fault: ({ path }) => ({ redirect: `${cache.url}${path}?service=git-upload-pack` }),
    })
    try {
      const { env } = cacheEndpoint()
      const url = `${elsewhere.url}/git/${served.upstream.host}/octo/project`
      expect(await freshenTo(MAIN, tip, { server: async () => ({ url, env }) })).toBe('origin')
      expect(cache.log).toEqual([])
    } finally {
      await elsewhere.close()
    }
  })

  it('comes from the origin where the server sends without end', async () => {
    await snapshot()
    const tip = await next()
    const server = () => endlessEndpoint()
    expect(await freshenTo(MAIN, tip, { server, serverLimitMs: 300 })).toBe('origin')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': tip })
    expect(lines).toEqual(['git fetch from the server took longer than 0.3 s; going on without it'])
  })

  it('comes from the origin after its third try', async () => {
    await snapshot()
    const tip = await next()
    let failures = 2
    served.script.fault = () => (failures-- > 0 ? { status: 502 } : undefined)
    expect(await freshenTo(MAIN, tip)).toBe('origin')
    expect(served.delays).toEqual([15_000, 15_000])
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': tip })
  })

  it('is told about while it comes where that is asked for', async () => {
    await snapshot()
    const tip = await next()
    const told: string[] = []
    await freshenTo(MAIN, tip, { onProgress: (line) => told.push(line) })
    expect(told.some((line) => line.includes('Counting objects'))).toBe(true)
  })

  it('is fetched without a branch that holds it, and where a directory of branches was', async () => {
    await served.upstream.git('branch', 'feature/a', base)
    await snapshot()
    const left = await next('feature-tmp')
    await served.upstream.git('update-ref', '-d', 'refs/heads/feature-tmp')
    expect(await freshenTo('refs/heads/feature', left)).toBe('origin')
    expect(await refs()).toEqual({ 'refs/remotes/origin/feature': left })
  })
})

describe('a commit that nobody has', () => {
  it('is an error in words, and no ref has changed', async () => {
    await snapshot()
    const before = await refs()
    const server = async () => cacheEndpoint()
    await expect(freshenTo(MAIN, '1'.repeat(40), { server })).rejects.toMatchObject({
      code: 'REF_NOT_FOUND',
      message: `${served.origin.url} does not have what this job wants, it may have been removed since then: check the input ref`,
    })
    expect(served.delays).toHaveLength(2)
    expect(await refs()).toEqual(before)
  })
})

describe('a tag', () => {
  const TAG = 'refs/tags/v1'

  it('that the snapshot has as it is wanted is there', async () => {
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'v1')
    await served.upstream.git('tag', 'v0', 'main~1')
    const object = await served.upstream.git('rev-parse', TAG)
    await snapshot()
    expect(await freshenTo(TAG, base, unasked)).toBe('none')
    expect(await refs()).toEqual({ [TAG]: object })
  })

  it('comes with its annotation from the server, although its commit was there', async () => {
    await snapshot()
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'v1')
    const object = await served.upstream.git('rev-parse', TAG)
    expect(await freshenTo(TAG, base, { server: async () => cacheEndpoint() })).toBe('server')
    expect(await refs()).toEqual({ [TAG]: object })
    expect(await git(tree, 'cat-file', '-t', TAG)).toBe('tag')
    // The origin is only asked whether it still is what it was.
    expect(served.github.log.length).toBeGreaterThan(0)
  })

  it('comes from the origin where the server has an older one', async () => {
    await served.upstream.git('tag', 'v1', 'main~1')
    await cloneUpstream(
      { root: join(served.root, 'upstreams'), host: 'stale.example' },
      served.upstream.directory,
    )
    await served.upstream.git('tag', '--force', 'v1', base)
    await snapshot()
    await git(tree, 'tag', '--delete', 'v1')
    const server = async () => cacheEndpoint('stale.example')
    expect(await freshenTo(TAG, base, { server })).toBe('origin')
    expect(await refs()).toEqual({ [TAG]: base })
    expect(lines).toEqual(['the server has another refs/tags/v1; asking the origin'])
  })

  it('takes the place of a directory of tags', async () => {
    await served.upstream.git('tag', 'v1/a')
    await snapshot()
    await served.upstream.git('tag', '--delete', 'v1/a')
    await served.upstream.git('tag', 'v1')
    expect(await freshenTo(TAG, base)).toBe('origin')
    expect(await refs()).toEqual({ [TAG]: base })
  })

  it.each(['wanted', 'everything'] as const)(
    'that has moved is an error with the history %s',
    async (history) => {
      const tip = await next()
      await served.upstream.git('tag', 'v1', base)
      await snapshot()
      const depth = history === 'everything' ? 0 : 1
      await expect(freshenTo(TAG, tip, { depth, server: async () => cacheEndpoint() })).rejects.toMatchObject(
        {
          code: 'REF_MOVED',
          message: expect.stringContaining('may have been updated after the workflow was triggered'),
        },
      )
    },
  )

  it('that is gone is an error', async () => {
    await snapshot()
    await expect(freshenTo(TAG, base)).rejects.toMatchObject({ code: 'REF_NOT_FOUND' })
  })
})

describe('all branches and tags', () => {
  const everything = { ...unasked, depth: 0 } as const

  it('are as they are now at the origin, while the wanted branch stays at the wanted commit', async () => {
    await served.upstream.git('branch', 'gone', base)
    await served.upstream.git('branch', 'moves', base)
    await served.upstream.git('tag', 'old')
    await served.upstream.git('tag', 'forced', base)
    await snapshot()
    await git(tree, 'update-ref', 'refs/remotes/pull/1/merge', base)
    const tip = await next()
    const moved = await next('moves')
    await served.upstream.git('branch', '-D', 'gone')
    await served.upstream.git('tag', '-d', 'old')
    await served.upstream.git('tag', '--force', 'forced', tip)
    expect(await freshenTo(MAIN, base, everything)).toBe('none')
    expect(await refs()).toEqual({
      'refs/remotes/origin/main': base,
      'refs/remotes/origin/moves': moved,
      'refs/tags/forced': tip,
    })
    expect(await git(tree, 'rev-parse', MAIN)).toBe(base)
  })

  it('bring the wanted commit along, in the same fetch as one that no branch holds any more', async () => {
    await snapshot()
    const left = await next()
    await served.upstream.git('update-ref', MAIN, base)
    await next()
    expect(await freshenTo(MAIN, left, { depth: 0 })).toBe('origin')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': left })
    expect(served.github.log.filter(({ path }) => path.endsWith('/info/refs'))).toHaveLength(1)
  })

  it('make a shallow clone whole', async () => {
    await snapshot('--depth=1')
    expect(await freshenTo(MAIN, base, everything)).toBe('none')
    expect(existsSync(join(tree, '.git/shallow'))).toBe(false)
    expect(await git(tree, 'rev-list', '--count', base)).toBe('2')
  })

  it('can be all tags only', async () => {
    await served.upstream.git('tag', 'old')
    await served.upstream.git('branch', 'other')
    await snapshot()
    await served.upstream.git('tag', '-d', 'old')
    await served.upstream.git('tag', '-a', '-m', 'Annotated', 'new')
    const object = await served.upstream.git('rev-parse', 'new')
    expect(await freshenTo(MAIN, base, { ...unasked, tags: 'all' })).toBe('none')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': base, 'refs/tags/new': object })
    expect(await freshenTo('refs/tags/new', base, { ...unasked, tags: 'all' })).toBe('none')
    expect(await refs()).toEqual({ 'refs/tags/new': object })
  })
})

describe('a shallow clone', () => {
  it('stays as deep as it was asked to be', async () => {
    await snapshot('--depth=1')
    await next()
    const tip = await next()
    expect(await freshenTo(MAIN, tip)).toBe('origin')
    expect(await git(tree, 'rev-list', '--count', tip)).toBe('1')
    const after = await next()
    expect(await freshenTo(MAIN, after, { server: async () => cacheEndpoint() })).toBe('server')
    expect(await git(tree, 'rev-list', '--count', after)).toBe('1')
  })

  it('is brought all tags where the origin has none', async () => {
    await snapshot('--depth=1')
    expect(await freshenTo(MAIN, base, { ...unasked, tags: 'all' })).toBe('none')
    expect(await refs()).toEqual({ 'refs/remotes/origin/main': base })
    expect(await git(tree, 'rev-list', '--count', base)).toBe('1')
  })

  it('becomes deeper where more is asked for, though the commit is there', async () => {
    await snapshot('--depth=1')
    const tip = await next()
    await freshenTo(MAIN, tip, { clone: 'reused' })
    expect(await freshenTo(MAIN, tip, { clone: 'reused', depth: 2 })).toBe('none')
    expect(await git(tree, 'rev-list', '--count', tip)).toBe('2')
  })
})

describe('refs that neither branch nor tag are', () => {
  const others = ['refs/stash', 'refs/notes/commits', 'refs/pull/7/head', 'refs/original/refs/heads/main']

  it('do not stay of a snapshot', async () => {
    await snapshot()
    for (const ref of others) await git(tree, 'update-ref', ref, 'HEAD')
    await freshenTo(MAIN, base)
    const left = await git(tree, 'for-each-ref', '--format=%(refname)')
    expect(left.split('\n')).toEqual(['refs/heads/main', 'refs/remotes/origin/main'])
  })

  it('stay in a clone that somebody works with', async () => {
    await snapshot()
    for (const ref of others) await git(tree, 'update-ref', ref, 'HEAD')
    await freshenTo(MAIN, base, { clone: 'reused' })
    const left = await git(tree, 'for-each-ref', '--format=%(refname)')
    expect(left.split('\n')).toEqual(expect.arrayContaining(others))
  })
})

describe('freshening that is cancelled', () => {
  it('ends with the reason and leaves the refs as they were', async () => {
    await snapshot()
    const before = await refs()
    const tip = await next()
    const cancelled = new AbortController()
    served.script.fault = () => {
      cancelled.abort(new Error('the job was cancelled'))
      return { stallAfter: 0 }
    }
    await expect(freshenTo(MAIN, tip, { signal: cancelled.signal })).rejects.toThrow('the job was cancelled')
    expect(await refs()).toEqual(before)
    expect(await readdir(join(tree, '.git'))).not.toContain('packed-refs.lock')
  })

  it('ends with the reason where the server was asked, and the origin is not', async () => {
    await snapshot()
    const tip = await next()
    const cancelled = new AbortController()
    const server = () => endlessEndpoint(() => cancelled.abort(new Error('the job was cancelled')))
    const freshening = freshenTo(MAIN, tip, { server, signal: cancelled.signal })
    await expect(freshening).rejects.toThrow('the job was cancelled')
    expect(served.github.log).toEqual([])
  })
})
