import type { Git } from './git.ts'
import { listIndex } from './index-listing.ts'
import { lstatOf, textOf } from './presence.ts'

/** A tracked file that has an LFS pointer in the place of its content. */
export interface LfsPointer {
  /** As git prints it and reads it again: in quotes, where there is more in it than plain ASCII. */
  readonly name: string
  readonly file: Buffer
  /** Of the content; undefined where the pointer is of a kind that we do not know. */
  readonly oid: string | undefined
}

/** Git-lfs takes no larger file for a pointer. */
const POINTER_LIMIT_BYTES = 1024

/** The files that git would give to the filter of LFS, and that have no content yet. */
export async function lfsPointers(git: Git, tree: string): Promise<readonly LfsPointer[]> {
  const printed = await listIndex(git, [':(attr:filter=lfs)'], {
    config: { 'core.quotePath': 'true' },
    env: { GIT_LITERAL_PATHSPECS: undefined },
  })
  const pointers: LfsPointer[] = []
  for (const name of printed.split('\n')) {
    if (name === '') continue
    const file = Buffer.concat([Buffer.from(`${tree}/`), unquoted(name)])
    const text = await smallTextOf(file)
    if (text?.startsWith('version ') !== true) continue
    pointers.push({ name, file, oid: /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1] })
  }
  return pointers
}

/** Undefined for what is no small file: a sparse checkout leaves files out, and a link is no pointer. */
async function smallTextOf(file: Buffer): Promise<string | undefined> {
  const stats = await lstatOf(file)
  return stats?.isFile() && stats.size <= POINTER_LIMIT_BYTES ? textOf(file) : undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** The bytes of a name that git printed (quote.c): C's escapes between quotes. */
function unquoted(name: string): Buffer {
  if (!name.startsWith('"')) return Buffer.from(name)
  const bytes = name
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
    )
  return Buffer.from(bytes, 'latin1')
}
