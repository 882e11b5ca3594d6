import { type FaultScript, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { bytesObject, fileObject, type Headers, type StoredObject } from './stored-object.ts'

export type ObjectServerOptions = {
  /** The object on every path, unless `objects` has the path. */
  readonly bytes?: Buffer
  readonly file?: string
  /** By path. */
  readonly objects?: Readonly<Record<string, StoredObject>>
  /** As it is sent, quotes included; default `"v1"`, null: none. */
  readonly etag?: string | null
  readonly headers?: Headers
  readonly fault?: FaultScript
}

export type ObjectServer = ScriptedServer & {
  /** Replaces the object, as a server does that generates its snapshot again. */
  readonly replace: (bytes: Buffer, etag: string) => void
}

/** Serves given bytes with ranges, ETag and preconditions, for tests of the download alone. */
export async function startObjectServer(options: ObjectServerOptions): Promise<ObjectServer> {
  const etag = options.etag === undefined ? '"v1"' : (options.etag ?? undefined)
  let object: StoredObject | undefined
  if (options.bytes !== undefined) object = bytesObject(options.bytes, etag, options.headers)
  else if (options.file !== undefined) object = fileObject(options.file, etag, options.headers)
  const server = await startScriptedServer((request) => {
    const { pathname } = new URL(request.url ?? '/', 'http://server')
    const found = options.objects?.[pathname] ?? object
    return found === undefined ? { status: 404, headers: { 'content-length': '0' } } : { object: found }
  }, options.fault)
  return {
    ...server,
    replace: (bytes, newEtag) => {
      object = bytesObject(bytes, newEtag, options.headers)
    },
  }
}
