import { existsSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { lfsPath } from './lfs-upstream.ts'
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
      existsSync(join(repository, lfsPath(oid)))
        ? { oid, size, actions: { download: { href: `${url}/info/lfs/objects/${oid}` } } }
        : { oid, size, error: { code: 404, message: 'Object does not exist' } },
    )
    return json(200, { transfer: 'basic', objects: answers })
  }
  const [, oid = ''] = /^info\/lfs\/objects\/([0-9a-f]{64})$/.exec(rest) ?? []
  const file = join(repository, lfsPath(oid))
  if (oid === '' || !existsSync(file)) return json(404, { message: 'Not found' })
  return { object: fileObject(file) }
}

function json(status: number, value: unknown): Reply {
  const body = Buffer.from(JSON.stringify(value))
  return { status, headers: { 'content-type': 'application/vnd.git-lfs+json' }, body: [body] }
}
