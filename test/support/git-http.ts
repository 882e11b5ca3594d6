import { spawn } from 'node:child_process'
import type { IncomingMessage } from 'node:http'
import { gitEnvironment } from './git-repo.ts'
import type { Answer } from './stored-object.ts'

/** A request to git's own smart-HTTP server: `path` below `root`, as in `/owner/name.git/info/refs`. */
export type GitRequest = {
  readonly root: string
  readonly path: string
  readonly query: string
  readonly request: IncomingMessage
  /** Ends git when the client has gone. */
  readonly gone: AbortSignal
}

const settings = { 'uploadpack.allowFilter': 'true', 'uploadpack.allowAnySHA1InWant': 'true' }

/** Runs `git http-backend` as a web server runs a CGI program, request and answer streamed. */
export async function gitHttpAnswer({ root, path, query, request, gone }: GitRequest): Promise<Answer> {
  const environment = {
    ...gitEnvironment,
    ...configuration(settings),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_PROTOCOL: header(request, 'git-protocol'),
    PATH_INFO: path,
    QUERY_STRING: query.replace(/^\?/, ''),
    REQUEST_METHOD: request.method ?? 'GET',
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: header(request, 'content-type'),
    CONTENT_LENGTH: header(request, 'content-length'),
    HTTP_CONTENT_ENCODING: header(request, 'content-encoding'),
  }
  const child = spawn('git', ['http-backend'], { env: environment, stdio: ['pipe', 'pipe', 'ignore'] })
  gone.addEventListener('abort', () => child.kill(), { once: true })
  child.on('error', (error) => child.stdout.destroy(error))
  child.stdin.on('error', () => {}) // git may answer without reading all
  request.pipe(child.stdin)
  return cgiAnswer(child.stdout)
}

async function cgiAnswer(output: AsyncIterable<Buffer>): Promise<Answer> {
  const pieces = output[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  let end = -1
  while (end < 0) {
    const next = await pieces.next()
    if (next.done) throw new Error(`git http-backend ended in its headers: ${head}`)
    head = Buffer.concat([head, next.value])
    end = head.indexOf('\r\n\r\n')
  }
  const lines = head.subarray(0, end).toString('latin1').split('\r\n')
  const fields = lines.map((line) => line.split(/:\s*/, 2) as [string, string])
  const { status = '200', ...headers } = Object.fromEntries(
    fields.map(([name, value]) => [name.toLowerCase(), value]),
  )
  return { status: Number.parseInt(status, 10), headers, body: rest(head.subarray(end + 4), pieces) }
}

async function* rest(first: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value
}

function configuration(values: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(values).flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(Object.keys(values).length), ...Object.fromEntries(pairs) }
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '')
}
