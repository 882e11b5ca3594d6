import type { ByteStream } from '../byte-stream.ts'
import { ActionError, describeError } from '../errors.ts'
import type { Context } from '../job.ts'
import { addressedSnapshot } from '../source/addressed-snapshot.ts'
import { verdictOn } from '../source/kept-snapshot.ts'
import type { Mirror } from '../source/mirror.ts'
import { Mirrors } from '../source/mirrors.ts'
import { PATIENCE, type Patience } from '../source/patience.ts'
import type { WarmInputs } from './inputs.ts'
import type { Found, Missing } from './look.ts'

export interface FillOptions {
  readonly patience: Patience
  readonly inputs: Pick<WarmInputs, 'store' | 'concurrency' | 'chunkBytes'>
  readonly context: Pick<Context, 'toolCache' | 'log'>
}

/**
 * Has this machine keep what was found, for a restore to take it from disk. Whether it does then; undefined where it
 * has no store. Rejects where the download fails, and then nothing of it is kept.
 */
export async function fillStore(
  finding: Found | Missing,
  mirror: Mirror,
  options: FillOptions,
): Promise<boolean | undefined> {
  if (options.inputs.store === undefined) return undefined
  if (finding.kind === 'missing' || mirror.location.kind === 'actions-cache') return false
  const attempt = (): Promise<boolean> => keep(finding, mirror, options)
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof ActionError) || error.code !== 'SNAPSHOT_CHANGED') throw error
    options.context.log(`${describeError(error)}; starting again with the new one`)
    return attempt()
  }
}

async function keep(
  found: Found,
  mirror: Mirror,
  { patience, inputs, context }: FillOptions,
): Promise<boolean> {
  const { signal, stall, attemptsFor } = patience
  const download = { ...inputs, ...PATIENCE, client: mirror.client, signal, stall, attemptsFor }
  const opened = await addressedSnapshot(new Mirrors([mirror], context.log), {
    requestsTo: () => download,
    downloadFrom: () => download,
    inputs,
    context,
    use: 'use',
    signal,
  })
  const isThere = opened.source === 'store'
  try {
    if (!isThere) await drain(opened.stream())
  } catch (error) {
    await opened.ended?.(verdictOn(error))
    throw error
  }
  const end = await opened.ended?.('good')
  // Where the source has gone away since it was looked at, it is an older one.
  return end === 'kept' && (!isThere || opened.etag === found.etag)
}

/** Reads a stream to its end, for what records it. */
async function drain(stream: ByteStream): Promise<void> {
  let read = 0
  for await (const { length } of stream) {
    read += length
    stream.release(read)
  }
}
