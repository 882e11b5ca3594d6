import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from './programs.ts'

/** A real sshd on this machine that lets in whoever has the key, as the user of the tests. */
export type SshServer = {
  readonly port: number
  readonly user: string
  /** Text of the private key that is let in. */
  readonly key: string
  /** The line by which a `known_hosts` knows this server. */
  readonly knownHosts: string
  /** `ssh://` address of a path on this machine. */
  readonly urlOf: (path: string) => string
  readonly close: () => Promise<void>
}

/** What `skipWithout` has to be asked for before. */
export const SSH_PROGRAMS = ['sshd', 'ssh', 'ssh-keygen'] as const

/** Keeps its files in a new directory at `directory`; one sshd a connection, so that none outlives the tests. */
export async function startSshServer(directory: string): Promise<SshServer> {
  await mkdir(directory, { mode: 0o700 })
  // Where a sshd of root's changes its root to.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true })
  const hostKey = await makeKey(join(directory, 'host'))
  const clientKey = await makeKey(join(directory, 'client'))
  const config = join(directory, 'sshd_config')
  await writeFile(config, configuration(directory))

  const running = new Set<ChildProcess>()
  const listener = createServer({ pauseOnConnect: true }, (socket) => {
    const child = serve(socket, config)
    running.add(child)
    child.on('close', () => running.delete(child))
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  const user = userInfo().username
  return {
    port,
    user,
    key: clientKey.privateText,
    knownHosts: `[127.0.0.1]:${port} ${hostKey.publicText}`,
    urlOf: (path) => `ssh://${user}@127.0.0.1:${port}${path}`,
    close: async () => {
      const ends = [...running].map((child) => once(child, 'close'))
      for (const child of running) child.kill()
      await Promise.all([once(listener.close(), 'close'), ...ends])
    },
  }
}

function serve(socket: Socket, config: string): ChildProcess {
  const sshd = findProgram('sshd') ?? 'sshd'
  const child = spawn(sshd, ['-i', '-e', '-f', config], { stdio: [socket, socket, 'ignore'] })
  child.on('error', () => {})
  socket.on('error', () => {})
  socket.destroy()
  return child
}

function configuration(directory: string): string {
  return [
    `HostKey ${join(directory, 'host')}`,
    `AuthorizedKeysFile ${join(directory, 'client.pub')}`,
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    '',
  ].join('\n')
}

/** Makes `file` and `file`.pub. */
async function makeKey(file: string): Promise<{ privateText: string; publicText: string }> {
  await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
  const [privateText, publicText] = await Promise.all([
    readFile(file, 'utf8'),
    readFile(`${file}.pub`, 'utf8'),
  ])
  return { privateText, publicText: publicText.trim() }
}
