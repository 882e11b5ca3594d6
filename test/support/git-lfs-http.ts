import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Reply } from './scripted-server.ts'
import { fileObject } from './stored-object.ts'

type Place = {
  /** The bare repository; its objects are in `lfs/objects`, as `git lfs` keeps them. */
  readonly repository: string
  /** Its address, under which `info/lfs` is. */
  readonly url: string
  /** What follows the address. */
  readonly rest: string
}

/** Answers git-lfs: its batch API for downloads, and the objects themselves. */
export async function lfsAnswer(request: IncomingMessage, { repository, url, rest }: Place): Promise<Reply> {
  if (rest === 'info/lfs/objects/batch') {
    const { objects } = JSON.parse(await text(request)) as { objects: { oid: string; size: number }[] }
    const answers = objects.map(({ oid, size }) =>
      existsSync(objectPath(repository, oid))
        ? { oid, size, actions: { download: { href: `${url}/info/lfs/objects/${oid}` } } }
        : { oid, size, error: { code: 404, message: 'Object does not exist' } },
    )
    return json(200, { transfer: 'basic', objects: answers })
  }
  const [, oid = ''] = /^info\/lfs\/objects\/([0-9a-f]{64})$/.exec(rest) ?? []
  if (oid === '' || !existsSync(objectPath(repository, oid))) return json(404, { message: 'Not found' })
  return { object: fileObject(objectPath(repository, oid)) }
}

/** Puts content into the repository's LFS store and returns the pointer to commit for it. */
export async function storeLfsObject(repository: string, content: Buffer): Promise<string> {
  const oid = createHash('sha256').update(content).digest('hex')
  const path = objectPath(repository, oid)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`
}

function objectPath(repository: string, oid: string): string {
  return join(repository, 'lfs', 'objects', oid.slice(0, 2), oid.slice(2, 4), oid)
}

function json(status: number, value: unknown): Reply {
  const body = Buffer.from(JSON.stringify(value))
  return { status, headers: { 'content-type': 'application/vnd.git-lfs+json' }, body: [body] }
}
