import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { findProgram } from '../test/support/programs.ts'
import type { RunOptions } from '../test/support/runner.ts'
import type { Bench, Case, Prepared } from './bench.ts'
import { aConstant, aPeer, type Contestant, theAction } from './contestants.ts'
import type { Data } from './data.ts'
import { OURS, PEERS, type Peer, type PeerName, type Target } from './peers.ts'
import { freshDirectory } from './place.ts'
import type { RepositoryName } from './repositories.ts'
import type { Absent, Goal } from './results.ts'
import { LIMIT_RATE, snapshotPath } from './servers.ts'

type ServerName = 'nginx' | 'throttled' | 'distant' | 'snapshots' | 'cachewd'

export interface RestoreCase {
  readonly name: string
  readonly data: RepositoryName
  /** What is special about it, to be said after what the data are. */
  readonly how?: string
  readonly server: ServerName
  /** Beside this action, which is always first. */
  readonly peers: readonly PeerName[]
  readonly goals: readonly Goal[]
}

const DATA_WORDS: Readonly<Record<RepositoryName, string>> = {
  files: '47,000 small files',
  history: '27,700 files and 270 MB',
  pack: 'a pack of 300 MB',
  many: '100,000 small files',
  library: '9,000 small files and 30 MB',
  quick: '8,000 small files and 40 MB',
}
const SERVER_WORDS: Readonly<Record<ServerName, string>> = {
  nginx: 'nginx',
  throttled: 'nginx with limit_rate 30m',
  distant: 'nginx behind a proxy that adds 40 ms',
  snapshots: 'the embedded snapshot server',
  cachewd: 'cachewd',
}
/** So many requests this action has in flight by default, and so many curls measure the link. */
const CONNECTIONS = 8
const LIMIT = `link: ${CONNECTIONS} x 30 MiB/s`

/** Restores of one repository from one server. */
export function restoreCase(row: RestoreCase, source?: string): Case {
  const what = source === undefined ? DATA_WORDS[row.data] : `repository ${source}`
  const title = [what, ...(row.how === undefined ? [] : [row.how])].join(', ')
  // Goals are for the data that they were set with.
  const judged = source === undefined ? row : { ...row, goals: [] }
  return { name: row.name, title, prepare: (bench) => prepare(judged, bench) }
}

async function prepare(row: RestoreCase, { data: store, servers }: Bench): Promise<Prepared> {
  const data = await store.get(row.data)
  const server = await servers[row.server](data)
  const { present, skipped } = onThisMachine(row.peers.map((name): Peer => PEERS[name]))
  const wants = (need: Peer['needs']): boolean => present.some(({ needs }) => needs === need)
  const isThrottled = row.server === 'throttled'
  const git = (of: Data) => (isThrottled ? servers.throttledGit(of) : servers.git(of))
  const target: Target = {
    URL: `${server}${snapshotPath(data.repository)}`,
    SERVER: server,
    REPOSITORY: data.repository,
    ORIGIN: wants('git') ? `${await git(data)}/git/github.com/${data.repository}.git` : '',
    BRANCH: data.branch,
    COMMIT: data.commit,
    TAR: wants('tar') ? unpackedTar(data) : '',
    RANGES: rangesOf(data.snapshotBytes),
  }
  const limitMs = (data.snapshotBytes / (CONNECTIONS * LIMIT_RATE)) * 1000
  const constants: Contestant[] = isThrottled ? [aConstant(LIMIT, limitMs)] : []
  return {
    facts: [`${data.words}; from ${SERVER_WORDS[row.server]}`],
    quantity: 'wallMs',
    reference: PEERS.pipe.name,
    contestants: [
      theAction(OURS, actionOptions(row, data, target)),
      ...present.map((peer) => aPeer(peer, target)),
      ...constants,
    ],
    // At least 80 % of the limit.
    goals: isThrottled ? [...row.goals, { of: OURS, to: [LIMIT], atMost: 1.25 }] : row.goals,
    skipped,
  }
}

/** How the action is asked for the data's last commit, from nothing but this server. */
export function actionOptions(
  { server }: Pick<RestoreCase, 'server'>,
  { repository, branch, commit }: Data,
  { URL, SERVER }: Pick<Target, 'URL' | 'SERVER'>,
): RunOptions {
  const isSnapshotServer = server === 'snapshots' || server === 'cachewd'
  const source: Record<string, string> = isSnapshotServer ? { server: SERVER } : { url: URL }
  return {
    inputs: { ...source, 'on-miss': 'fail' },
    github: { repository, sha: commit, ref: `refs/heads/${branch}` },
  }
}

interface Roll {
  readonly present: readonly Peer[]
  readonly skipped: readonly Absent[]
}

/** Who can take part, and who cannot for want of a program. */
function onThisMachine(peers: readonly Peer[]): Roll {
  const missing = ({ programs }: Peer): readonly string[] =>
    ['bash', ...programs].filter((program) => findProgram(program) === undefined)
  return {
    present: peers.filter((peer) => missing(peer).length === 0),
    skipped: peers
      .filter((peer) => missing(peer).length > 0)
      .map((peer) => ({ name: peer.name, why: `not on PATH: ${missing(peer).join(', ')}` })),
  }
}

function unpackedTar({ snapshot }: Data): string {
  const tar = join(freshDirectory('tar'), 'snapshot.tar')
  const { status } = spawnSync('zstd', ['--quiet', '-d', snapshot, '-o', tar], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`zstd could not unpack ${snapshot}`)
  return tar
}

function rangesOf(bytes: number): string {
  const part = Math.ceil(bytes / CONNECTIONS)
  const starts = Array.from({ length: CONNECTIONS }, (_, index) => index * part)
  return starts.map((start) => `${start}-${Math.min(start + part, bytes) - 1}`).join(' ')
}
