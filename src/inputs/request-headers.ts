import { invalid } from '../input-values.ts'
import { sanitize } from '../sanitize.ts'

export type Header = readonly [name: string, value: string]

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const PRINTABLE = /^[\t\x20-\x7e]*$/

/** Headers whose meaning a request depends on, the download's or git's, or that belong to the connection. */
const OWNED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'git-protocol',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
])

/** The `headers` input, one `Name: value` a line. Values may be secrets, so no error repeats one. */
export function parseHeaders(text: string, authorization: string | undefined): readonly Header[] {
  const seen = new Set<string>()
  const headers: Header[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue
    const header = parseHeader(line, `Input headers, line ${index + 1}`)
    refuseOwned(header[0], authorization)
    const name = header[0].toLowerCase()
    if (seen.has(name)) throw invalid(`Input headers has ${header[0]} twice: each header once is allowed`)
    seen.add(name)
    headers.push(header)
  }
  return headers
}

/** Refuses what would end a header or start another one. */
export function checkHeaderValue(value: string, label: string): void {
  if (!PRINTABLE.test(value)) {
    throw invalid(`${label} has a line break, a control character or a letter outside ASCII: none is allowed`)
  }
}

function parseHeader(line: string, label: string): Header {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(colon, 0)).trimStart()
  if (!TOKEN.test(name)) throw invalid(`${label} is not a header: "Name: value" is allowed`)
  const value = line.slice(colon + 1).trim()
  checkHeaderValue(value, `${label} (${sanitize(name, 100)})`)
  return [name, value]
}

function refuseOwned(name: string, authorization: string | undefined): void {
  if (OWNED.has(name.toLowerCase())) {
    throw invalid(`Input headers has ${name}, which the requests set themselves: leave it out`)
  }
  if (name.toLowerCase() === 'authorization' && authorization !== undefined) {
    throw invalid('Input headers has Authorization although authorization is set: one of the two is allowed')
  }
}

/** The headers that only the snapshot's origin gets, as they are sent. */
export function secretHeaders(inputs: {
  readonly authorization: string | undefined
  readonly headers: readonly Header[]
}): Readonly<Record<string, string>> {
  const { authorization, headers } = inputs
  return { ...(authorization === undefined ? {} : { authorization }), ...Object.fromEntries(headers) }
}
