import { existsSync } from 'node:fs'
import { appendFile, chmod, mkdir, readdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { probeConfig } from '../../src/git/fresh-config.ts'
import { findReusable, prepareReuse, type ReuseOptions } from '../../src/git/reuse.ts'
import { targetOf } from '../../src/git/wanted.ts'
import { git, makeUpstream, type Upstream } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const remoteUrl = 'https://github.com/octo/project'

let root: string
let destination: string
let upstream: Upstream

beforeEach(async () => {
  root = await realpath(temporary())
  destination = join(root, 'workspace')
  upstream = await makeUpstream({ root })
  await git(root, 'clone', '--quiet', upstream.directory, destination)
  await git(destination, 'remote', 'set-url', 'origin', remoteUrl)
})

const dotGit = (...names: string[]) => join(destination, '.git', ...names)
const find = () => findReusable(destination, remoteUrl, gitContext)
const status = () => git(destination, 'status', '--porcelain', '--ignored')

interface Prepared {
  readonly outcome: 'ready' | 'unusable'
  readonly log: string
}

async function prepare(options: Partial<ReuseOptions> = {}): Promise<Prepared> {
  const reusable = await find()
  if (reusable === undefined) throw new Error('there is nothing to prepare')
  const lines: string[] = []
  const outcome = await prepareReuse({
    ...gitContext,
    destination,
    reusable,
    target: targetOf('refs/heads/main', await upstream.git('rev-parse', 'main')),
    clean: true,
    probedConfig: await probeConfig(join(root, 'probe'), gitContext),
    remoteUrl,
    log: (line) => lines.push(line),
    ...options,
  })
  return { outcome, log: lines.join('\n') }
}

describe('a clone that an earlier job left', () => {
  it('is found where its remote is exactly the wanted one', async () => {
    expect(await find()).toEqual({ objectFormat: 'sha1', refFormat: 'files', partialFilter: undefined })
  })

  it.each([
    ['of another repository', ['remote', 'set-url', 'origin', 'https://github.com/octo/other']],
    ['whose remote ends in .git', ['remote', 'set-url', 'origin', `${remoteUrl}.git`]],
    ['of two repositories', ['remote', 'set-url', '--add', 'origin', 'https://github.com/octo/other']],
    ['without a remote', ['remote', 'remove', 'origin']],
    ['with an extension that is not known', ['config', 'extensions.preciousObjects', 'true']],
    ['that gets what it lacks from elsewhere', ['config', 'remote.other.promisor', 'true']],
  ])('is not found %s', async (_, change) => {
    await git(destination, ...change)
    expect(await find()).toBeUndefined()
  })

  it.each<[string, () => Promise<unknown>]>([
    ['there is no directory', () => rm(destination, { recursive: true })],
    ['there is no .git', () => rm(dotGit(), { recursive: true })],
    ['there is no config', () => rm(dotGit('config'))],
    ['the config is damaged', () => appendFile(dotGit('config'), '[broken\n')],
    ['.git is a link', () => moveAndLink(dotGit(), join(root, 'elsewhere'))],
    ['.git is a file', () => moveAndPoint(dotGit(), join(root, 'elsewhere'))],
    ['the objects are a link', () => moveAndLink(dotGit('objects'), join(root, 'objects'))],
    ['HEAD is a link', () => moveAndLink(dotGit('HEAD'), join(root, 'HEAD'))],
    [
      'objects are borrowed',
      () => writeFile(dotGit('objects/info/alternates'), `${upstream.directory}/objects\n`),
    ],
    ['it is a worktree of another', () => writeFile(dotGit('commondir'), '../elsewhere\n')],
    ['submodules have repositories in it', () => mkdir(dotGit('modules/sub'), { recursive: true })],
  ])('is not found where %s', async (_, change) => {
    await change()
    expect(await find()).toBeUndefined()
  })

  it('is found by its own config alone, whatever that includes', async () => {
    await git(destination, 'remote', 'remove', 'origin')
    await writeFile(join(root, 'included'), `[remote "origin"]\n\turl = ${remoteUrl}\n`)
    await git(destination, 'config', 'include.path', join(root, 'included'))
    expect(await find()).toBeUndefined()
  })
})

async function moveAndLink(path: string, elsewhere: string): Promise<void> {
  await rename(path, elsewhere)
  await symlink(elsewhere, path)
}

async function moveAndPoint(path: string, elsewhere: string): Promise<void> {
  await rename(path, elsewhere)
  await writeFile(path, `gitdir: ${elsewhere}\n`)
}

describe('preparing a clone for the next job', () => {
  it('puts back what was changed and removes what is foreign', async () => {
    await writeFile(join(destination, 'README.md'), 'changed\n')
    await rm(join(destination, 'src/new.ts'))
    await writeFile(join(destination, 'foreign'), '')
    await writeFile(join(destination, 'staged'), '')
    await git(destination, 'add', 'staged')
    await mkdir(join(destination, 'nested'))
    await git(join(destination, 'nested'), 'init', '--quiet')
    expect(await prepare()).toEqual({ outcome: 'ready', log: '' })
    expect(await status()).toBe('')
  })

  it('leaves changes alone where nothing is to be cleaned', async () => {
    await writeFile(join(destination, 'README.md'), 'changed\n')
    await writeFile(join(destination, 'foreign'), '')
    expect(await prepare({ clean: false })).toEqual({ outcome: 'ready', log: '' })
    expect(await status()).toBe(' M README.md\n?? foreign')
  })

  it('goes on after processes that were killed', async () => {
    await mkdir(dotGit('refs/remotes/origin'), { recursive: true })
    const locks = ['index.lock', 'shallow.lock', 'HEAD.lock', 'config.lock', 'packed-refs.lock']
    for (const lock of [...locks, 'refs/heads/main.lock', 'refs/remotes/origin/main.lock']) {
      await writeFile(dotGit(lock), '')
    }
    await writeFile(dotGit('MERGE_HEAD'), `${await git(destination, 'rev-parse', 'HEAD')}\n`)
    expect((await prepare({ target: targetOf('', 'a'.repeat(40)) })).outcome).toBe('ready')
    expect(await git(destination, 'status')).not.toContain('merg')
    await git(destination, 'update-ref', 'refs/heads/main', 'HEAD')
  })

  it('leaves no other branch, and no ref in the way of the wanted one', async () => {
    await git(destination, 'checkout', '--quiet', '-b', 'left-over')
    await git(destination, 'update-ref', 'refs/remotes/origin/foo', 'HEAD')
    const commit = await git(destination, 'rev-parse', 'HEAD')
    await prepare({ target: targetOf('refs/heads/foo/bar', commit) })
    const refs = await git(destination, 'for-each-ref', '--format=%(refname)')
    expect(refs).toBe('refs/remotes/origin/main')
    expect(await git(destination, 'rev-parse', 'HEAD')).toBe(commit)
  })

  it('writes the config anew and runs nothing that was planted', async () => {
    const marker = join(root, 'marker')
    const program = dotGit('hooks/post-checkout')
    await mkdir(dotGit('hooks'), { recursive: true })
    await writeFile(program, `#!/bin/sh\ntouch '${marker}'\n`)
    await chmod(program, 0o755)
    for (const hook of ['post-index-change', 'reference-transaction']) {
      await symlink(program, dotGit('hooks', hook))
    }
    await writeFile(dotGit('info/attributes'), '* filter=planted\n')
    await writeFile(dotGit('config.worktree'), `[core]\n\tfsmonitor = ${program}\n`)
    await appendFile(
      dotGit('config'),
      `[core]\n\tfsmonitor = ${program}\n[extensions]\n\tworktreeConfig = true\n` +
        `[filter "planted"]\n\tclean = touch '${marker}'; cat\n\tsmudge = touch '${marker}'; cat\n` +
        `[http "https://github.com/"]\n\textraheader = old\n[includeIf "gitdir:/x"]\n\tpath = y\n`,
    )
    await writeFile(join(destination, 'README.md'), 'changed\n')
    expect((await prepare()).outcome).toBe('ready')
    expect(await status()).toBe('')
    expect(existsSync(marker)).toBe(false)
    expect(await readdir(dotGit('hooks'))).toEqual([])
    const keys = (await git(destination, 'config', '--local', '--name-only', '--list')).split('\n')
    expect(keys.filter((key) => !key.startsWith('core.'))).toEqual([
      'remote.origin.url',
      'remote.origin.fetch',
      'gc.auto',
    ])
    expect(await git(destination, 'config', '--local', '--name-only', '--get-regexp', '^core')).not.toContain(
      'fsmonitor',
    )
  })

  it('drops replaced objects, which would show other contents than the commit has', async () => {
    await git(destination, 'replace', 'HEAD', 'HEAD~1')
    await prepare()
    expect(await git(destination, 'replace', '--list')).toBe('')
  })

  it('keeps a clone partial that is', async () => {
    await git(destination, 'config', 'remote.origin.promisor', 'true')
    await git(destination, 'config', 'remote.origin.partialclonefilter', 'blob:none')
    expect(await find()).toMatchObject({ partialFilter: 'blob:none' })
    expect((await prepare()).outcome).toBe('ready')
    expect(await find()).toMatchObject({ partialFilter: 'blob:none' })
  })

  it('keeps SHA-256 what is', async () => {
    const commit = await makeSha256Clone()
    expect(await find()).toMatchObject({ objectFormat: 'sha256' })
    await writeFile(join(destination, 'file'), 'changed\n')
    expect((await prepare({ target: targetOf('', commit) })).outcome).toBe('ready')
    expect(await git(destination, 'rev-parse', 'HEAD')).toBe(commit)
    expect(await status()).toBe('')
  })

  it.each<[string, () => Promise<unknown>]>([
    ['HEAD leads nowhere', () => git(destination, 'symbolic-ref', 'HEAD', 'refs/heads/unborn')],
    ['its index is damaged', () => writeFile(dotGit('index'), 'no index')],
    ['its objects are gone', () => emptyObjects()],
    ['a submodule is nowhere described', () => addSubmodule('sub')],
    ['a submodule has a repository of its own', () => addSubmodule('sub', 'init')],
  ])('says that it is of no use where %s', async (_, change) => {
    await change()
    const { outcome, log } = await prepare()
    expect(outcome).toBe('unusable')
    expect(log).toContain(`the clone in ${destination} cannot be used again: `)
    expect(log).not.toContain('\n')
  })

  it('ends with the reason of an abort', async () => {
    const reason = new Error('cancelled')
    await expect(prepare({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

async function makeSha256Clone(): Promise<string> {
  await rm(destination, { recursive: true })
  await git(root, 'init', '--quiet', '--object-format=sha256', destination)
  await git(destination, 'remote', 'add', 'origin', remoteUrl)
  await writeFile(join(destination, 'file'), 'content\n')
  await git(destination, 'add', 'file')
  await git(destination, 'commit', '--quiet', '--message=First')
  return git(destination, 'rev-parse', 'HEAD')
}

async function emptyObjects(): Promise<void> {
  await rm(dotGit('objects'), { recursive: true })
  await mkdir(dotGit('objects'))
}

async function addSubmodule(path: string, ...command: string[]): Promise<void> {
  const gitlink = `160000,${await git(destination, 'rev-parse', 'HEAD')},${path}`
  await git(destination, 'update-index', '--add', '--cacheinfo', gitlink)
  await mkdir(join(destination, path))
  if (command.length > 0) await git(join(destination, path), ...command, '--quiet')
}
