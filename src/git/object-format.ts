import { join } from 'node:path'
import type { Head } from './dotgit.ts'
import type { ObjectFormat } from './index-entries.ts'
import { entriesIn, textOf } from './presence.ts'
import { BRANCHES } from './ref-name.ts'

/** The format in which an object has a name of this length. */
export function formatOfName(name: string): ObjectFormat {
  return name.length === 64 ? 'sha256' : 'sha1'
}

/** A git directory's, told by the length of a name, or by the first table's header; SHA-1 where nothing tells. */
export async function objectFormatOf(
  directory: string,
  head: Head,
  packedRefs: string,
): Promise<ObjectFormat> {
  if (head.refFormat === 'reftable') return reftableObjectFormat(join(directory, 'reftable'))
  const branchId = head.branch && idIn((await textOf(looseRef(directory, head.branch))) ?? '')
  const id = head.id ?? (branchId || /^[0-9a-f]{40,64}(?= )/im.exec(packedRefs)?.[0])
  return formatOfName(id ?? '')
}

/** Version 1 tables are SHA-1; version 2 names its hash in bytes 24 to 28. */
async function reftableObjectFormat(directory: string): Promise<ObjectFormat> {
  const entries = await entriesIn(directory, 'latin1')
  const table = entries.find((entry) => entry.isFile() && entry.name.endsWith('.ref'))
  const header = table === undefined ? '' : ((await textOf(join(directory, table.name))) ?? '')
  return header.startsWith('REFT\x02') && header.slice(24, 28) === 's256' ? 'sha256' : 'sha1'
}

function idIn(text: string): string | undefined {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})(?=\s|$)/i.exec(text)?.[0]
}

/** The branch's bytes as they are: it need not be UTF-8. */
function looseRef(directory: string, branch: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/${BRANCHES}`), Buffer.from(branch, 'latin1')])
}
