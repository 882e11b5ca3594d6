import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import type { Environment } from '../../src/environment.ts'
import { gitIn } from '../../src/git/git.ts'
import { type SshKey, sshCommand, sshFilesIn, writeSshFiles } from '../../src/git/ssh.ts'
import { gitEnvironment, makeUpstream } from '../support/git-repo.ts'
import { skipWithout } from '../support/programs.ts'
import { SSH_PROGRAMS, type SshServer, startSshServer } from '../support/ssh-server.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const key: SshKey = { key: 'private\n', knownHosts: undefined, isStrict: true, user: 'git' }

let root: string
let env: Environment

beforeEach(async () => {
  root = await realpath(temporary())
  env = { ...gitEnvironment, HOME: root, RUNNER_TEMP: root }
})

async function written(ssh: Partial<SshKey> = {}) {
  const files = sshFilesIn(root)
  await writeSshFiles(files, { ...key, ...ssh }, env)
  return { files, key: await readFile(files.key, 'utf8'), hosts: await readFile(files.knownHosts, 'utf8') }
}

describe('the files of an SSH key', () => {
  it('are readable by nobody else, the key with one line end at its end', async () => {
    const { files, key } = await written({ key: '\n  -----BEGIN-----\nabc\n-----END-----\n\n' })
    expect(key).toBe('-----BEGIN-----\nabc\n-----END-----\n')
    for (const file of [files.key, files.knownHosts]) expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('are made in a temporary directory that is not there yet', async () => {
    const files = sshFilesIn(join(root, 'temp'))
    await writeSshFiles(files, key, env)
    expect(await readFile(files.key, 'utf8')).toBe('private\n')
  })

  it('know the hosts that the user knows, those of the input, and github.com', async () => {
    await mkdir(join(root, '.ssh'))
    await writeFile(join(root, '.ssh/known_hosts'), 'known.example ssh-rsa USERS')
    const { hosts } = await written({ knownHosts: 'input.example ssh-rsa INPUTS' })
    const lines = hosts.split('\n')
    expect(lines).toContain('known.example ssh-rsa USERS')
    expect(lines).toContain('input.example ssh-rsa INPUTS')
    expect(lines.filter((line) => line.startsWith('github.com '))).toHaveLength(3)
  })

  it('know github.com by the fingerprints that GitHub publishes', async () => {
    const { hosts } = await written()
    const keys = [...hosts.matchAll(/^github\.com (\S+) (\S+)$/gm)].map(([, kind, blob = '']) => {
      const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64')
      return [kind, digest.replace(/=+$/, '')]
    })
    expect(Object.fromEntries(keys)).toEqual({
      'ssh-ed25519': '+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
      'ecdsa-sha2-nistp256': 'p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM',
      'ssh-rsa': 'uNiVztksCsDhcc0u9e8BujQXVUpKZIDTMczCvj3tD2s',
    })
  })
})

describe('the SSH command', () => {
  const files = { key: '/temp/k', knownHosts: '/temp/k_known_hosts' }

  beforeEach(() => writeFile(join(root, 'ssh'), '', { mode: 0o755 }))

  it('names the files by RUNNER_TEMP, which is another path in a container', async () => {
    expect(await sshCommand(files, key, { PATH: `${join(root, 'none')}:${root}` })).toBe(
      `"${root}/ssh" -i "$RUNNER_TEMP/k" -o StrictHostKeyChecking=yes -o CheckHostIP=no ` +
        '-o "UserKnownHostsFile=$RUNNER_TEMP/k_known_hosts"',
    )
  })

  it('leaves unknown hosts to the configuration of the user where strict is off', async () => {
    const command = await sshCommand(files, { ...key, isStrict: false }, { PATH: root })
    expect(command).toBe(
      `"${root}/ssh" -i "$RUNNER_TEMP/k" -o "UserKnownHostsFile=$RUNNER_TEMP/k_known_hosts"`,
    )
  })

  it('is refused with a word on what to do where there is no ssh', async () => {
    await expect(sshCommand(files, key, { PATH: join(root, 'none') })).rejects.toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringMatching(/ssh was not found on the PATH: install an SSH client/),
    })
  })
})

describe('git with the SSH command, at a real sshd', () => {
  let server: SshServer | undefined

  beforeEach(async (context: TestContext) => {
    skipWithout(context, ...SSH_PROGRAMS)
    server = await startSshServer(join(root, 'server'))
  })

  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  async function lsRemote(ssh: (server: SshServer) => Partial<SshKey>): Promise<string> {
    if (server === undefined) throw new Error('no server')
    const upstream = await makeUpstream({ root })
    const files = sshFilesIn(root)
    const sshKey = { ...key, ...ssh(server) }
    await writeSshFiles(files, sshKey, env)
    const variables = { GIT_SSH_COMMAND: await sshCommand(files, sshKey, env) }
    const git = gitIn(root, { ...gitContext, env: { ...env, ...variables } })
    return git.run(['ls-remote', server.urlOf(upstream.directory), 'refs/heads/main'])
  }

  it('gets in with the key, at a host that the input makes known', async () => {
    expect(await lsRemote(({ key, knownHosts }) => ({ key, knownHosts }))).toMatch(
      /^\w{40}\trefs\/heads\/main/,
    )
  })

  it('gets in at a host that only the user knows', async () => {
    await mkdir(join(root, '.ssh'))
    await writeFile(join(root, '.ssh/known_hosts'), `${server?.knownHosts}\n`)
    expect(await lsRemote(({ key }) => ({ key }))).toMatch(/refs\/heads\/main/)
  })

  it('refuses a host that nobody knows', async () => {
    await expect(lsRemote(({ key }) => ({ key }))).rejects.toThrow(/Host key verification failed/)
  })
})
