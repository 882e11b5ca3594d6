import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, onTestFinished } from 'vitest'
import { type CachewLocation, locationAt } from '../../src/snapshot/locate.ts'
import { SHORTCUT_LIMITS, type ShortcutLimits, type ShortcutOptions } from '../../src/snapshot/shortcut.ts'
import type { Fault } from '../support/fault.ts'
import { makeUpstream, type Upstream } from '../support/git-repo.ts'
import { clientTo } from '../support/http-client.ts'
import { type SnapshotServer, startSnapshotServer } from '../support/snapshot-server.ts'

export const TOKEN = 'Bearer t0p-s3cret'
export const UNKNOWN = '2'.repeat(40)

/** A snapshot server whose mirror has a commit more than the one of a snapshot. */
export type Mirror = {
  readonly upstream: Upstream
  readonly server: SnapshotServer
  readonly location: CachewLocation
  /** The snapshot's commit. */
  readonly base: string
  readonly newest: string
  /** What goes wrong with every request. */
  fault: Fault | undefined
}

/** One for all tests of a file, complete once the first of them runs; none finds a fault. */
export function useMirror(): Mirror {
  const mirror = { fault: undefined } as Mirror
  beforeAll(async () => {
    const root = await mkdtemp(join(tmpdir(), 'mirror-'))
    const upstream = await makeUpstream({ root })
    const base = await upstream.git('rev-parse', 'main')
    const newest = await upstream.commit([{ path: 'new', content: 'new' }])
    const server = await startSnapshotServer({ upstreams: root, fault: () => mirror.fault })
    const repository = { owner: 'octo', name: 'project' }
    const location = locationAt(new URL(server.url), {
      repository,
      githubServerUrl: new URL('https://github.com'),
    })
    Object.assign(mirror, { upstream, server, location, base, newest })
    return async () => {
      await server.close()
      rmSync(root, { recursive: true, force: true })
    }
  })
  beforeEach(() => {
    mirror.fault = undefined
  })
  return mirror
}

export interface Changes {
  readonly limits?: Partial<ShortcutLimits>
  readonly stallMs?: number
  readonly signal?: AbortSignal
}

/** How the mirror is asked, and what is logged of that. */
export function optionsFor({ location }: Mirror, changes: Changes = {}) {
  const { limits, stallMs = 60_000, signal = new AbortController().signal } = changes
  const log: string[] = []
  const { url } = location
  const client = clientTo(url, { secrets: { origin: url.origin, headers: { authorization: TOKEN } } })
  onTestFinished(() => client.close())
  const options: ShortcutOptions = {
    client,
    stall: { idleMs: stallMs, bytesPerSecond: 1 },
    limits: { ...SHORTCUT_LIMITS, ...limits },
    signal,
    log: (line) => log.push(line),
  }
  return { options, log }
}
