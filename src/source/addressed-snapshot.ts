import type { ByteStream } from '../byte-stream.ts'
import { type DownloadOptions, download } from '../download/download.ts'
import type { Attempts } from '../http/attempts.ts'
import { placeOf } from '../http/failure.ts'
import type { Inputs } from '../inputs.ts'
import type { Context } from '../job.ts'
import type { CachewLocation, UrlLocation } from '../snapshot/locate.ts'
import { type OpenOptions, openChanged } from '../snapshot/open.ts'
import type { Lap } from './first-good.ts'
import { type KeptPlace, openKept, type StoreUse, storeFor } from './kept-snapshot.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'
import type { Opened } from './session.ts'

export interface AddressedOptions {
  /** How it is opened, and how the rest is asked for. */
  readonly requestsTo: (mirror: Mirror) => OpenOptions
  readonly downloadFrom: (mirror: Mirror) => DownloadOptions
  readonly inputs: Pick<Inputs, 'store'>
  readonly context: Pick<Context, 'toolCache' | 'log'>
  readonly use: StoreUse
  readonly signal: AbortSignal
}

/** The snapshot that the first of the mirrors to answer has, or what this machine keeps of it where that will do. */
export async function addressedSnapshot(mirrors: Mirrors, options: AddressedOptions): Promise<Opened> {
  const { inputs, context, use, signal } = options
  const kept = await storeFor(inputs, context)
  if (kept === undefined) {
    const open = async (mirror: Mirror, lap: Lap) => (await openAt(mirror, lap, options)) as Opened
    return mirrors.ask(open, signal)
  }
  const places = new Map(mirrors.left.map((mirror) => [mirror, placeAt(mirror, kept.maxAgeMs, options)]))
  return openKept({
    ...kept,
    places: [...places.values()],
    first: (ask) => mirrors.ask((mirror, lap) => ask(places.get(mirror) as KeptPlace, lap), signal),
    use,
    signal,
    log: context.log,
  })
}

/** An address of one object. */
type Addressed = CachewLocation | UrlLocation

function placeAt(mirror: Mirror, maxAgeMs: number, options: AddressedOptions): KeptPlace {
  const { url } = mirror.location as Addressed
  const open: KeptPlace['open'] = (lap, known) => openAt(mirror, lap, options, known)
  const place = { name: `${url.origin}${url.pathname}`, host: url.host, open }
  // What a query says may be another object, or only another signature: then nothing goes without the source's word.
  if (url.search !== '') return { ...place, maxAgeMs: 0, whenAway: 'fail' }
  return { ...place, maxAgeMs, whenAway: 'serve' }
}

/** Undefined where it is still the one that is known. */
async function openAt(
  mirror: Mirror,
  { signal, falter }: Lap,
  { requestsTo, downloadFrom }: AddressedOptions,
  known?: string,
): Promise<Opened | undefined> {
  const { kind: source, url } = mirror.location as Addressed
  const requests = requestsTo(mirror)
  const attemptsFor = (chunks: number, over: AbortSignal): Attempts => {
    const attempts = requests.attemptsFor(chunks, over)
    const onRetry: Attempts['onRetry'] = (...retry) => {
      attempts.onRetry(...retry)
      falter()
    }
    return { ...attempts, onRetry }
  }
  const snapshot = await openChanged(url, { ...requests, attemptsFor, signal }, known)
  if (snapshot === undefined) return undefined
  const { commit, etag, total, modifiedMs } = snapshot
  const stream = (): ByteStream => download(snapshot, downloadFrom(mirror))
  const place = placeOf(snapshot.url)
  return { source, host: url.host, place, commit, etag, total, modifiedMs, stream }
}
