import { join } from 'node:path'
import { describeError } from '../errors.ts'
import type { ObjectFormat } from '../git/index-entries.ts'
import { fillIndex, type RecordOf } from '../git/index-file.ts'
import type { Job } from '../job.ts'
import { Staging } from '../unpack/staging.ts'

/** A working copy that is complete in staging. */
export interface Grown<T> {
  readonly result: T
  /** What the index is to say of files, where that is known. */
  readonly proven?: {
    readonly objectFormat: ObjectFormat
    /** Of the files at the top, once they are in this directory. */
    readonly movedRecordOf: (root: string) => RecordOf
  }
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
async function renewIndex({ destination, context }: Job, { proven }: Grown<unknown>): Promise<void> {
  if (proven === undefined) return
  const { movedRecordOf, objectFormat } = proven
  try {
    await fillIndex(join(destination, '.git'), movedRecordOf(destination), objectFormat)
  } catch (error) {
    context.log(`git will read some files again: ${describeError(error)}`)
  }
}
