import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Head } from './dotgit.ts'
import type { ObjectFormat } from './index-entries.ts'
import type { PlainRefs } from './plain-refs.ts'
import { entriesIn } from './presence.ts'
import { BRANCHES } from './ref-name.ts'

/** The format in which an object has a name of this length. */
export function formatOfName(name: string): ObjectFormat {
  return name.length === 64 ? 'sha256' : 'sha1'
}

/** A git directory's, told by the length of a name, or by the first table's header; SHA-1 where nothing tells. */
export async function objectFormatOf(
  directory: string,
  { id, branch }: Head,
  refs: PlainRefs | undefined,
): Promise<ObjectFormat> {
  if (refs === undefined) return reftableObjectFormat(join(directory, 'reftable'))
  const [first = ''] = refs.values()
  return formatOfName(id ?? refs.get(`${BRANCHES}${branch}`) ?? first)
}

/** Version 1 tables are SHA-1; version 2 names its hash in the last bytes of its header. */
async function reftableObjectFormat(directory: string): Promise<ObjectFormat> {
  const entries = await entriesIn(directory, 'latin1')
  const table = entries.find((entry) => entry.isFile() && entry.name.endsWith('.ref'))
  const header = table === undefined ? '' : await headerOf(join(directory, table.name))
  return header.startsWith('REFT\x02') && header.slice(24, 28) === 's256' ? 'sha256' : 'sha1'
}

async function headerOf(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(28))
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
