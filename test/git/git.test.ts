import { existsSync } from 'node:fs'
import { chmod, mkdir, realpath, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { type Git, gitIn, gitOutside } from '../../src/git/git.ts'
import { gitEnvironment, git as plainGit } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

let root: string
let repository: string

beforeEach(async () => {
  root = await realpath(temporary())
  repository = join(root, 'repository')
  await mkdir(repository)
  await plainGit(repository, 'init', '--quiet', '--initial-branch=main')
  await plainGit(repository, 'commit', '--quiet', '--allow-empty', '--message=First')
})

function gitOf(env: Environment = {}, directory = repository): Git {
  return gitIn(directory, { ...gitContext, env: { ...gitEnvironment, ...env } })
}

describe('git', () => {
  it('gives what git printed', async () => {
    expect(await gitOf().run(['symbolic-ref', 'HEAD'])).toBe('refs/heads/main\n')
  })

  it('hands bytes to the standard input of git', async () => {
    const id = await gitOf().run(['hash-object', '--stdin'], { input: Buffer.from('hello\n') })
    expect(id.trim()).toBe('ce013625030ba8dba906f756967f9e9ca394464a')
  })

  it('gives git an empty standard input where there are no bytes', async () => {
    const id = await gitOf().run(['hash-object', '--stdin'])
    expect(id.trim()).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391')
  })

  it('does not mind a git that reads none of its input', async () => {
    const input = Buffer.alloc(1_000_000)
    expect(await gitOf().run(['symbolic-ref', 'HEAD'], { input })).toBe('refs/heads/main\n')
  })

  it('names the subcommand, the exit code and what git said when it fails', async () => {
    await expect(gitOf().run(['rev-parse', '--verify', 'absent'])).rejects.toMatchObject({
      name: 'ActionError',
      code: 'GIT_FAILED',
      message: 'git rev-parse failed (exit code 128): fatal: Needed a single revision',
    })
  })

  it('keeps credentials and queries of URLs out of the message', async () => {
    const failure = gitOf().run(['ls-remote', 'https://me:secret@127.0.0.1:1/o/r?sig=signature'])
    const message = await failure.then(String, String)
    expect(message).toContain('https://127.0.0.1:1/o/r')
    expect(message).not.toMatch(/secret|signature/)
  })

  it('leaves nothing in the message that the runner takes for a command', async () => {
    const say = `!printf '%b' '##[error]a\\n::set-env::b\\n\\r::c' >&2; exit 3`
    const message = await gitOf()
      .run(['say'], { config: { 'alias.say': say } })
      .then(String, String)
    expect(message).toMatch(/git say failed \(exit code 3\): .*error.*set-env.*c$/)
    expect(message).not.toMatch(/##\[|::|[\r\n]/)
  })

  it('ends a git that prints more than is allowed, and says so', async () => {
    const id = await gitOf().run(['hash-object', '-w', '--stdin'], { input: Buffer.alloc(3_000_000) })
    const failure = gitOf().run(['cat-file', 'blob', id.trim()], { outputLimitBytes: 1_000_000 })
    await expect(failure).rejects.toThrow('git cat-file printed more than 1000000 bytes')
  })

  it('says that git is needed when it is not on the PATH', async () => {
    const failure = gitOf({ PATH: join(root, 'nothing') }).run(['version'])
    await expect(failure).rejects.toMatchObject({
      code: 'GIT_MISSING',
      message: 'git is needed on the PATH and was not found: install git',
    })
  })

  it('says that the directory is missing when it is', async () => {
    const failure = gitOf({}, join(root, 'absent')).run(['version'])
    await expect(failure).rejects.toThrow(`${join(root, 'absent')}, which does not exist`)
  })

  it('does not follow variables that point at another repository', async () => {
    const elsewhere = join(root, 'elsewhere')
    const env = {
      GIT_DIR: elsewhere,
      GIT_WORK_TREE: elsewhere,
      GIT_INDEX_FILE: elsewhere,
      GIT_COMMON_DIR: elsewhere,
    }
    expect((await gitOf(env).run(['rev-parse', '--show-toplevel'])).trim()).toBe(repository)
    expect(await gitOf(env).run(['ls-files'])).toBe('')
  })

  it('does not take the repository of a parent directory for its own', async () => {
    const inside = join(repository, 'inside')
    await mkdir(inside)
    await expect(gitOf({}, inside).run(['rev-parse', 'HEAD'])).rejects.toThrow('not a git repository')
  })

  it("leaves the user's own settings in force", async () => {
    const env = {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.proxy',
      GIT_CONFIG_VALUE_0: 'http://proxy:3128',
    }
    expect((await gitOf(env).run(['config', 'http.proxy'])).trim()).toBe('http://proxy:3128')
  })

  it('lets a call add settings and variables', async () => {
    const options = { config: { 'user.name': 'Someone Else' }, env: { GIT_COMMITTER_NAME: undefined } }
    expect(await gitOf().run(['var', 'GIT_COMMITTER_IDENT'], options)).toContain(
      'Someone Else <ada@example.com>',
    )
  })

  it('runs neither a planted file system monitor nor a planted hook', async () => {
    const marker = join(root, 'marker')
    const program = join(repository, '.git/hooks/post-index-change')
    await mkdir(join(repository, '.git/hooks'), { recursive: true })
    await writeFile(program, `#!/bin/sh\ntouch '${marker}'\n`)
    await chmod(program, 0o755)
    await plainGit(repository, 'config', 'core.fsmonitor', program)
    await gitOf().run(['read-tree', 'HEAD'])
    await gitOf().run(['status', '--porcelain'])
    expect(existsSync(marker)).toBe(false)
    await plainGit(repository, 'status', '--porcelain')
    expect(existsSync(marker)).toBe(true)
  })
})

describe('aborting git', () => {
  it('rejects with the reason and starts nothing when it was aborted before', async () => {
    const reason = new Error('too late')
    const git = gitIn(join(root, 'absent'), { env: gitEnvironment, signal: AbortSignal.abort(reason) })
    await expect(git.run(['version'])).rejects.toBe(reason)
  })

  it('ends git and the helpers that git started, and rejects with the reason', async () => {
    await using server = await silentServer()
    const abort = new AbortController()
    const git = gitIn(repository, { env: gitEnvironment, signal: abort.signal })
    const running = git.run(['ls-remote', `${server.url}/o/r`])
    const helper = await server.asked
    const reason = new Error('cancelled')
    abort.abort(reason)
    await expect(running).rejects.toBe(reason)
    await helper.gone
  })

  it('kills what does not go when asked', async () => {
    await using server = await silentServer()
    const abort = new AbortController()
    const git = gitIn(repository, { env: gitEnvironment, signal: abort.signal })
    const script = `process.on('SIGTERM', () => {}); require('node:http').get('${server.url}')`
    const running = git.run(['stay'], { config: { 'alias.stay': `!"${process.execPath}" -e "${script}"` } })
    const stubborn = await server.asked
    const reason = new Error('cancelled')
    abort.abort(reason)
    await expect(running).rejects.toBe(reason)
    await stubborn.gone
  })
})

/** A server that never answers: `asked` tells when a request is there, `gone` when its client went away. */
async function silentServer() {
  const server = createServer()
  const asked = new Promise<{ gone: Promise<void> }>((resolve) => {
    server.once('request', (request) => {
      // In an object, so that awaiting `asked` does not await `gone` too.
      resolve({ gone: new Promise((resolveGone) => request.socket.once('close', () => resolveGone())) })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

it('git outside of any repository reads nothing of one that lies there', async () => {
  await writeFile(join(repository, '.git', 'config'), 'no config at all')
  await expect(gitIn(repository, gitContext).run(['config', '--list'])).rejects.toThrow('bad config')
  const settings = ['config', '--file', join(root, 'absent'), '--default', 'nothing', 'a.b']
  expect(await gitOutside(repository, gitContext).run(settings)).toBe('nothing\n')
})

describe('git with somebody who wants to know', () => {
  it('tells of each process, without settings and without what lets it in', async () => {
    const said: string[] = []
    const debug = (line: string): void => {
      said.push(line.replace(/\d+ ms/, '# ms'))
    }
    const git = gitIn(repository, { ...gitContext, debug })
    await git.run(['symbolic-ref', 'HEAD'], { config: { 'core.pager': 'cat' } })
    await git.succeeds(['config', '--get', 'no.such'])
    await git.run(['remote', 'add', 'origin', 'https://user:s3cret@127.0.0.1/a?token=s3cret'])
    expect(said).toEqual([
      'git symbolic-ref HEAD (# ms, exit code 0)',
      'git config --get no.such (# ms, exit code 1)',
      'git remote add origin https://***@127.0.0.1/a (# ms, exit code 0)',
    ])
  })
})
