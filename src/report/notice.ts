import { formatBytes } from '../input-values.ts'
import type { Inputs } from '../inputs.ts'
import { counted, formatSeconds } from './amounts.ts'
import type { Report } from './report.ts'
import { lengthOf } from './timeline.ts'

type Settings = Pick<Inputs, 'concurrency' | 'chunkBytes' | 'fetchDepth' | 'fetchTags'>

/** Less than this comes fast, however it is asked for. */
const WORTH_BYTES = 32_000_000
/** So many requests take longer than the bytes that they bring. */
const MANY_REQUESTS = 64
const SMALL_CHUNK_BYTES = 1024 * 1024
/** A fetch that takes less is not worth a word. */
const WORTH_MS = 2_000

/** Which settings of a step have cost time, and what to do, in one notice; undefined where none has. */
export function noticeOf(report: Report, settings: Settings): string | undefined {
  const reasons = [oneStream(report, settings), smallChunks(report, settings), moreFetched(report, settings)]
  const said = reasons.filter((reason) => reason !== undefined)
  return said.length === 0 ? undefined : `Settings have cost time: ${said.join('; ')}`
}

function oneStream({ bytes }: Report, { concurrency }: Settings): string | undefined {
  if (concurrency > 1 || bytes < WORTH_BYTES) return undefined
  return 'with concurrency 1 the snapshot came as one stream (the default asks for several)'
}

function smallChunks({ bytes, requests }: Report, { chunkBytes }: Settings): string | undefined {
  if (chunkBytes >= SMALL_CHUNK_BYTES || bytes < WORTH_BYTES || requests < MANY_REQUESTS) return undefined
  return `with chunk-size ${formatBytes(chunkBytes)} it took ${counted(requests, 'request')} (the default is larger)`
}

/** The commit was there, and yet the origin was asked for what else it has. */
function moreFetched(report: Report, { fetchDepth, fetchTags }: Settings): string | undefined {
  const { freshenedBy, snapshot, timeline } = report
  const ms = lengthOf('freshen', timeline)
  if (snapshot === undefined || freshenedBy !== 'none' || ms < WORTH_MS) return undefined
  const took = `from the origin, which took ${formatSeconds(ms)}`
  if (fetchDepth !== 0) return fetchTags ? `fetch-tags had all tags fetched ${took}` : undefined
  if (snapshot.isShallow) return `fetch-depth 0 had the history fetched ${took} (the snapshot has none of it)`
  const advice = 'after a snapshot the history of the commit is complete without it'
  return `fetch-depth 0 had all branches and tags fetched ${took} (${advice})`
}
