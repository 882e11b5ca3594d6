import { availableParallelism } from 'node:os'
import type { Case } from './bench.ts'
import { cacheCase } from './cache-case.ts'
import { memoryCase } from './memory-case.ts'
import { mirrorsCase } from './mirrors-case.ts'
import { OURS, PEERS } from './peers.ts'
import { receiveCase } from './receive-case.ts'
import { type RestoreCase, restoreCase } from './restore-case.ts'
import { sparseCase } from './sparse-case.ts'
import { startUpCase } from './start-up-case.ts'
import { storeCase } from './store-case.ts'
import { submoduleCase } from './submodule-case.ts'
import { writersCase } from './writers-case.ts'

const PIPE = PEERS.pipe.name

/** Which data, from where, against whom, and what must come of it. */
const RESTORE_CASES: readonly RestoreCase[] = [
  {
    name: 'files',
    data: 'files',
    server: 'nginx',
    peers: ['pipe', 'aria2', 'cachew', 'link', 'disk'],
    goals: [{ of: OURS, to: [PIPE], atMost: 0.7 }],
  },
  {
    name: 'freshen',
    how: 'and on to a newer commit',
    data: 'files',
    server: 'snapshots',
    peers: ['pipe', 'cachewFresh', 'fetch'],
    goals: [
      { of: OURS, to: [PEERS.cachewFresh.name, PIPE], atMost: 0.85 },
      { of: OURS, to: [PEERS.fetch.name], atMost: 0.35 },
    ],
  },
  {
    name: 'history',
    data: 'history',
    server: 'nginx',
    peers: ['pipe', 'aria2', 'cachew', 'clone', 'fetch', 'link', 'disk'],
    goals: [{ of: OURS, to: [PIPE], atMost: 0.7 }],
  },
  {
    name: 'throttled',
    how: 'at 30 MiB/s a connection',
    data: 'pack',
    server: 'throttled',
    peers: ['pipe', 'aria2', 'cachew', 'link'],
    goals: [],
  },
  {
    name: 'slow-link',
    how: 'at 30 MiB/s a connection',
    data: 'history',
    server: 'throttled',
    peers: ['pipe', 'clone', 'fetch'],
    goals: [],
  },
  {
    name: 'distant',
    how: 'from 40 ms away',
    data: 'files',
    server: 'distant',
    peers: ['pipe', 'aria2', 'cachew', 'link'],
    goals: [],
  },
  {
    name: 'many',
    data: 'many',
    server: 'nginx',
    peers: ['pipe', 'aria2', 'cachew', 'link', 'disk'],
    goals: [],
  },
  {
    name: 'cachewd',
    how: 'from a Cachew server',
    data: 'files',
    server: 'cachewd',
    peers: ['pipe', 'aria2', 'cachew', 'link'],
    goals: [],
  },
]

/** All cases in the order in which they run; `source` is a repository in place of those that are made. */
export function allCases(source: string | undefined): readonly Case[] {
  return [
    ...RESTORE_CASES.map((row) => restoreCase(row, source)),
    memoryCase,
    startUpCase,
    receiveCase,
    storeCase('store', 'files'),
    sparseCase,
    mirrorsCase,
    cacheCase('cache-files', 'files'),
    cacheCase('cache-pack', 'pack'),
    submoduleCase,
    writersCase(availableParallelism()),
  ]
}

/** Those that say the most about one given repository. */
export const GIVEN_REPOSITORY_CASES: readonly string[] = ['history', 'freshen']

/** What `--quick` runs. */
export const QUICK_CASE: Case = restoreCase({
  name: 'quick',
  data: 'quick',
  server: 'nginx',
  peers: ['pipe', 'fetch'],
  goals: [],
})
