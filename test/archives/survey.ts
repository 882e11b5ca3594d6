import { isUtf8 } from 'node:buffer'
import { ActionError } from '../../src/errors.ts'
import { decode } from '../../src/unpack/decode.ts'
import { EntryPolicy, linkedPath } from '../../src/unpack/policy.ts'
import { type TarEntry, TarParser } from '../../src/unpack/tar.ts'
import { AMPLE_LIMITS } from '../support/tree-limits.ts'

/** What an archive would become, found without a disk: an error for people, or entries by their paths. */
export type Survey =
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'taken'; readonly tree: ReadonlyMap<string, string> }

/** Whoever refuses by anything but an ActionError has crashed: that is thrown. */
export async function survey(archive: Buffer): Promise<Survey> {
  return surveyBlocks([archive])
}

/** The same of a `tar.zst`. */
export async function surveyStream(bytes: Buffer): Promise<Survey> {
  const stream = {
    holdBytes: bytes.length,
    release: () => {},
    cancel: () => {},
    async *[Symbol.asyncIterator]() {
      yield bytes
    },
  }
  return surveyBlocks(decode(stream, { concurrency: 2 }))
}

async function surveyBlocks(blocks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Survey> {
  const draft = new Draft()
  let bytes = 0
  try {
    for await (const block of blocks) {
      bytes += block.length
      draft.write(block)
    }
    if (bytes === 0) throw new ActionError('EMPTY_SNAPSHOT', 'the snapshot is empty')
    draft.end()
  } catch (error) {
    if (!(error instanceof ActionError)) throw error
    return { kind: 'refused', code: error.code, message: error.message }
  }
  return { kind: 'taken', tree: draft.tree }
}

/** Parser and policy as TreeBuilder joins them, with a map in the place of the disk. */
class Draft {
  readonly tree = new Map<string, string>()
  readonly #parser = new TarParser()
  readonly #contents = new Map<string, Buffer[]>()
  readonly #links = new Map<string, TarEntry>()
  readonly #executable = new Set<string>()
  #current: Buffer[] = []
  readonly #policy = new EntryPolicy({
    limits: AMPLE_LIMITS,
    naming: 'posix',
    staysInDotGit: () => true,
    makeDirectory: (path) => this.#add(`${path}/`, 'directory'),
  })

  write(block: Uint8Array): void {
    this.#policy.countRead(block.length)
    for (const event of this.#parser.push(block)) {
      if (event.kind === 'data') this.#current.push(Buffer.concat([block.subarray(event.start, event.end)]))
      else this.#take(event.entry)
    }
  }

  end(): void {
    this.#parser.end()
    for (const [path, parts] of this.#contents) {
      const mode = this.#executable.has(path) ? 'x' : '-'
      this.tree.set(path, `${mode} ${Buffer.concat(parts).toString('latin1')}`)
    }
    for (const [path, entry] of this.#links) {
      if (entry.kind === 'symlink') this.#add(path, `-> ${entry.target}`)
      else this.#add(path, this.tree.get(linkedPath(entry)) ?? 'linked to nothing')
    }
  }

  #take(entry: TarEntry): void {
    const decision = this.#policy.decide(entry)
    this.#current = []
    if (decision.kind === 'skip' || decision.kind === 'directory') return
    if (decision.kind !== 'file') {
      this.#links.set(decision.path, entry)
      return
    }
    if (entry.executable) this.#executable.add(decision.path)
    this.#contents.set(decision.path, this.#current)
    this.#add(decision.path, 'file')
  }

  /** Twice the same path, or one that leads out, is an escape that the policy let through. */
  #add(path: string, what: string): void {
    const names = path.replace(/\/$/, '').split('/')
    if (this.tree.has(path) || names.some((name) => ['', '.', '..'].includes(name) || name.includes('\0'))) {
      throw new Error(`an escape: ${JSON.stringify(path)}`)
    }
    this.tree.set(path, what)
  }
}

/** What an outcome is about, without the numbers and names in it: a new one is worth keeping. */
export function sortOf(found: Survey): string {
  if (found.kind === 'taken') return 'taken'
  if (!isUtf8(Buffer.from(found.message))) throw new Error('a message that nobody can read')
  return `${found.code}: ${found.message.replace(/".*"/s, '""').replace(/0x\w+|\d+/g, 'N')}`
}
