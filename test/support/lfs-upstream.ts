import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tar } from './archive.ts'
import { git } from './git-repo.ts'

export type LfsFile = {
  /** What a repository has in the place of the content. */
  readonly pointer: string
  readonly oid: string
  readonly path: string
}

/** Where git-lfs keeps an object, relative to the git directory. */
export function lfsPath(oid: string): string {
  return `lfs/objects/${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}`
}

export function lfsFile(content: string | Buffer): LfsFile {
  const oid = createHash('sha256').update(content).digest('hex')
  const size = Buffer.byteLength(content)
  return {
    pointer: `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`,
    oid,
    path: lfsPath(oid),
  }
}

/** Stores LFS content in a bare repository, as a push would, and returns what is committed for it. */
export async function storeLfs(upstream: { readonly directory: string }, content: string | Buffer) {
  const file = lfsFile(content)
  const place = join(upstream.directory, file.path)
  await mkdir(dirname(place), { recursive: true })
  await writeFile(place, content)
  return file
}

/** The archive of an LFS snapshot: the objects that HEAD needs, below `lfs/`, as Cachew puts them. */
export async function lfsTar(directory: string): Promise<Buffer> {
  const lines = await git(directory, 'grep', '-hE', '^oid sha256:[0-9a-f]{64}$', 'HEAD')
  const oids = new Set(lines.split('\n').map((line) => line.slice('oid sha256:'.length)))
  const paths = [...oids].map(lfsPath)
  const parents = paths.flatMap((path) => [dirname(dirname(path)), dirname(path)])
  const directories = ['lfs', 'lfs/tmp', 'lfs/objects', ...new Set(parents)]
  return tar([
    ...directories.map((name) => ({ name: `${name}/`, type: 'directory' })),
    ...(await Promise.all(
      paths.map(async (name) => ({ name, body: await readFile(join(directory, name)) })),
    )),
  ])
}
