import { lstatSync } from 'node:fs'
import { stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '../errors.ts'
import type { ObjectFormat } from '../git/index-entries.ts'
import { fillIndex, type RecordOf } from '../git/index-file.ts'
import type { Job } from '../job.ts'
import { onDisk, toLatin1 } from '../on-disk.ts'
import { renewStatData } from '../unpack/index-record.ts'
import { Staging } from '../unpack/staging.ts'

/** A working copy that is complete in staging. */
export interface Grown<T> {
  readonly result: T
  readonly objectFormat: ObjectFormat
}

/**
 * Grows a working copy in staging, and swaps it into the destination as the last act: whatever fails before leaves
 * the destination as it was. What cannot be removed now is left for the step after the job.
 */
export async function publish<T>(job: Job, grow: (staging: Staging) => Promise<Grown<T>>): Promise<T> {
  const { context, destination, timeline, timing } = job
  const staging = await Staging.create(destination, context)
  const unremoved = (error: unknown): void =>
    context.log(`could not remove ${staging.root} yet: ${describeError(error)}`)
  try {
    const grown = await grow(staging)
    context.signal.throwIfAborted()
    const move = async (): Promise<void> => {
      await staging.swap()
      await renewIndex(job, grown)
    }
    await timing.measure('settle', () => timeline.measure('move into place', move))
    await staging.leave().catch(unremoved)
    return grown.result
  } catch (error) {
    // Asked while the disk is still as full as it was for the error.
    const told = await staging.disk.explain(error)
    await staging.remove().catch(unremoved)
    throw told
  }
}

/** Moving a file changes its ctime: what git would take for a change is told it before anybody asks. */
async function renewIndex({ destination, context }: Job, { objectFormat }: Grown<unknown>): Promise<void> {
  const gitDirectory = join(destination, '.git')
  const index = join(gitDirectory, 'index')
  try {
    const { mtimeMs } = await stat(index)
    const seconds = Math.floor(mtimeMs) / 1000
    await fillIndex(gitDirectory, movedRecordOf(toLatin1(destination)), objectFormat)
    // Git reads files that are as young as its index: those that it has just written stay such.
    await utimes(index, seconds, seconds)
  } catch (error) {
    context.log(`git will read some files again: ${describeError(error)}`)
  }
}

/** Of the files at the top, which alone were moved by themselves, as long as nothing else of them has changed. */
function movedRecordOf(root: string): RecordOf {
  return (path, now) => {
    if (path.includes('/')) return undefined
    const found = lstatSync(onDisk(root, path), { bigint: true, throwIfNoEntry: false })
    const record = Uint8Array.from(now())
    return found !== undefined && renewStatData(record, found) ? record : undefined
  }
}
