import type { ByteStream } from './byte-stream.ts'
import { type DownloadOptions, download } from './download/download.ts'
import { placeOf } from './http/failure.ts'
import type { Inputs } from './inputs.ts'
import type { Context } from './job.ts'
import { openKept, type StoreUse, storeFor } from './kept-snapshot.ts'
import type { Opened } from './session.ts'
import type { CachewLocation, UrlLocation } from './snapshot/locate.ts'
import { type OpenOptions, openChanged } from './snapshot/open.ts'

export interface AddressedOptions {
  /** How it is opened, and how the rest is asked for. */
  readonly requests: OpenOptions
  readonly download: DownloadOptions
  readonly inputs: Pick<Inputs, 'store'>
  readonly context: Pick<Context, 'toolCache' | 'log'>
  readonly use: StoreUse
}

/** The snapshot at an address, or what this machine keeps of it where that will do. */
export async function addressedSnapshot(
  { kind: source, url }: CachewLocation | UrlLocation,
  options: AddressedOptions,
): Promise<Opened> {
  const { requests, inputs, context } = options
  const open = async (known: string | undefined): Promise<Opened | undefined> => {
    const snapshot = await openChanged(url, requests, known)
    if (snapshot === undefined) return undefined
    const { commit, etag, total, modifiedMs } = snapshot
    const stream = (): ByteStream => download(snapshot, options.download)
    return { source, place: placeOf(snapshot.url), commit, etag, total, modifiedMs, stream }
  }
  const kept = await storeFor(inputs, context)
  if (kept === undefined) return (await open(undefined)) as Opened
  const { store, maxAgeMs } = kept
  const how = { store, open, signal: requests.signal, log: context.log, use: options.use }
  const name = `${url.origin}${url.pathname}`
  // What a query says may be another object, or only another signature: then nothing goes without the source's word.
  if (url.search !== '') return openKept({ ...how, name, maxAgeMs: 0, whenAway: 'fail' })
  return openKept({ ...how, name, maxAgeMs, whenAway: 'serve' })
}
