import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { changedAnswer, cutOf, type Fault, faultyAnswer, shapedBody } from './fault.ts'
import type { Answer, StoredObject } from './stored-object.ts'

/** One request in the order of arrival. It goes on changing until its state is no longer `open`. */
export type LoggedRequest = {
  readonly index: number
  readonly method: string
  readonly path: string
  /** With its question mark, or empty. */
  readonly query: string
  readonly range: string | undefined
  readonly ifMatch: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Requests in flight when this one came, itself included. */
  readonly activeAtStart: number
  /** 0 until the answer starts. */
  status: number
  /** Body bytes given to the socket. */
  bytesSent: number
  state: 'open' | 'complete' | 'aborted'
}

/** What a script sees of a request when it decides what goes wrong with it. */
export type FaultRequest = Pick<
  LoggedRequest,
  'index' | 'method' | 'path' | 'query' | 'range' | 'headers'
> & {
  /** The first byte asked for; 0 without a Range. */
  readonly start: number
  /** How many requests there were for this path and first byte, this one included. */
  readonly attempt: number
}

export type FaultScript = (request: FaultRequest) => Fault | undefined

/** An object is answered with its ranges and conditions, an answer is sent as it is. */
export type Reply = { readonly object: StoredObject } | Answer

export type Handler = (request: IncomingMessage, gone: AbortSignal) => Promise<Reply> | Reply

export type ScriptedServer = {
  /** `http://127.0.0.1:<port>`, no slash at its end. */
  readonly url: string
  readonly log: LoggedRequest[]
  /** Requests in flight now, and the most there ever were. */
  readonly active: () => number
  readonly maxActive: () => number
  /** Resolves when the condition holds; it is asked again whenever something in the log changes. */
  readonly until: (condition: () => boolean) => Promise<void>
  /** Ends every connection. */
  readonly close: () => Promise<void>
}

/** An HTTP server on a free port of 127.0.0.1 that logs its requests and errs by script. */
export async function startScriptedServer(
  handler: Handler,
  script: FaultScript = () => undefined,
): Promise<ScriptedServer> {
  const log = new RequestLog()
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    const entry = log.begin(request, response)
    const fault = script(log.describe(entry)) ?? {}
    serve({ request, response, entry, fault, log }, handler).catch((error) => fail(response, error))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}) // clients may go away at any time
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log: log.entries,
    active: () => log.active,
    maxActive: () => log.maxActive,
    until: (condition) => log.until(condition),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

class RequestLog {
  readonly entries: LoggedRequest[] = []
  active = 0
  maxActive = 0
  readonly #attempts = new Map<string, number>()
  readonly #waiting = new Set<() => void>()
  #count = 0

  begin(request: IncomingMessage, response: ServerResponse): LoggedRequest {
    const { pathname, search } = new URL(request.url ?? '/', 'http://server')
    const headers = request.headers as Record<string, string>
    this.active++
    this.maxActive = Math.max(this.maxActive, this.active)
    const entry: LoggedRequest = {
      index: this.#count++,
      method: request.method ?? '',
      path: pathname,
      query: search,
      range: headers.range,
      ifMatch: headers['if-match'],
      headers,
      activeAtStart: this.active,
      status: 0,
      bytesSent: 0,
      state: 'open',
    }
    this.entries.push(entry)
    response.once('finish', () => this.end(entry, 'complete'))
    response.once('close', () => this.end(entry, 'aborted'))
    this.changed()
    return entry
  }

  end(entry: LoggedRequest, state: 'complete' | 'aborted'): void {
    if (entry.state !== 'open') return
    entry.state = state
    this.active--
    this.changed()
  }

  describe(entry: LoggedRequest): FaultRequest {
    const start = Number(/^bytes=(\d+)-/.exec(entry.range ?? '')?.[1] ?? 0)
    const key = `${entry.method} ${entry.path} ${start}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    this.#attempts.set(key, attempt)
    return { ...entry, start, attempt }
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }

  changed(): void {
    for (const check of [...this.#waiting]) check()
  }
}

type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly entry: LoggedRequest
  readonly fault: Fault
  readonly log: RequestLog
}

async function serve(exchange: Exchange, handler: Handler): Promise<void> {
  const { request, response, entry, fault, log } = exchange
  const ending = new AbortController()
  const gone = new Promise<void>((resolve) => {
    response.once('close', () => {
      ending.abort()
      resolve()
    })
  })
  await Promise.race([fault.hold, gone])
  if (response.closed) return
  if (fault.drop !== undefined) return endConnection(exchange, fault.drop)
  if (fault.raw !== undefined) return sendRaw(exchange, fault.raw)
  const reply = await handler(request, ending.signal)
  const answer = 'object' in reply ? faultyAnswer(reply.object, entry.headers, fault) : reply
  const changed = changedAnswer(answer, fault)
  if (response.closed) return
  startAnswer(response, changed)
  entry.status = changed.status
  log.changed()
  await sendBody(exchange, changed, gone)
}

function startAnswer(response: ServerResponse, answer: Answer): void {
  response.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === null) response.removeHeader(name)
    else response.setHeader(name, value)
  }
  response.flushHeaders()
}

async function sendBody(exchange: Exchange, answer: Answer, gone: Promise<void>): Promise<void> {
  const { request, response, entry, fault, log } = exchange
  const cut = cutOf(fault)
  const length = Number(answer.headers['content-length'] ?? Number.NaN)
  const hasBody = request.method !== 'HEAD' && answer.status !== 304 && answer.status !== 204
  const pieces = shapedBody((hasBody ? answer.body : undefined) ?? [], fault)[Symbol.asyncIterator]()
  for (;;) {
    const next = await Promise.race([pieces.next(), gone])
    if (next === undefined) return void pieces.return(undefined).catch(() => {})
    if (next.done) break
    entry.bytesSent += next.value.length
    // The last piece goes out together with the end: a client that has it may ask again at once, and
    // must not meet its own finished request in the count of those in flight.
    const isLast = cut === undefined && entry.bytesSent === length
    if (isLast) response.end(next.value)
    else await Promise.race([new Promise((resolve) => response.write(next.value, resolve)), gone])
    log.changed()
    if (isLast) return
  }
  if (cut === undefined) response.end()
  else endConnection(exchange, cut.how)
}

async function sendRaw({ response, fault, entry, log }: Exchange, raw: string | Buffer): Promise<void> {
  const socket = response.socket
  for await (const piece of shapedBody([Buffer.from(raw)], fault)) {
    if (socket === null || socket.destroyed) return
    socket.write(piece)
    entry.bytesSent += piece.length
    log.changed()
  }
  if (cutOf(fault)?.how !== 'stall') socket?.end()
}

function endConnection({ response, entry, log }: Exchange, how: 'reset' | 'fin' | 'stall'): void {
  if (how === 'stall') return
  log.end(entry, 'aborted')
  if (how === 'reset') response.socket?.resetAndDestroy()
  else response.socket?.end()
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.closed) return
  if (response.headersSent) response.socket?.resetAndDestroy()
  else response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error))
}
