import { request } from 'node:http'

/** What came back, complete or not: `error` has the code with which the connection broke. */
export type Asked = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly error: string | undefined
}

export type AskOptions = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One request on a connection of its own. It never rejects: tests look at what arrived. */
export function ask(url: string, { method = 'GET', headers = {}, body }: AskOptions = {}): Promise<Asked> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let answer: Pick<Asked, 'status' | 'headers' | 'rawHeaders'> = { status: 0, headers: {}, rawHeaders: [] }
    const done = (error?: NodeJS.ErrnoException) =>
      resolve({ ...answer, body: Buffer.concat(parts), error: error && (error.code ?? error.message) })
    const asking = request(url, { method, headers, agent: false }, (response) => {
      const seen = response.headers as Record<string, string>
      answer = { status: response.statusCode ?? 0, headers: seen, rawHeaders: response.rawHeaders }
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => done())
      response.on('error', done)
    })
    asking.on('error', done)
    asking.end(body)
  })
}
