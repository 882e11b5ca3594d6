import type { ByteStream } from '../byte-stream.ts'
import { ActionError } from '../errors.ts'
import { decode } from './decode.ts'
import type { Tree, TreeBuilder } from './tree.ts'

export interface UnpackOptions {
  /** Frames decoded at a time. */
  readonly decoders: number
  /** The snapshot's commit, where it is known: its length tells the object format. */
  readonly commit: string | undefined
}

/** Turns a stream of a `tar.zst` into the tree, while it arrives. On failure what is on disk is incomplete. */
export async function unpack(stream: ByteStream, tree: TreeBuilder, options: UnpackOptions): Promise<Tree> {
  if (options.commit?.length === 64) tree.hash = 'sha256'
  let empty = true
  for await (const block of decode(stream, { concurrency: options.decoders })) {
    empty = false
    await tree.write(block)
  }
  if (empty) throw new ActionError('EMPTY_SNAPSHOT', 'the snapshot is empty')
  return tree.finish()
}
