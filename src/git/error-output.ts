import { isDiskFull } from '../disk-space.ts'
import { ActionError } from '../errors.ts'
import { sanitize } from '../sanitize.ts'

const TAIL_BYTES = 64 * 1024
const TAIL_CHARACTERS = 500

/** What a git says on its standard error, of which the last TAIL_BYTES are kept for when it fails. */
export class ErrorOutput {
  readonly #onLine: ((line: string) => void) | undefined
  readonly #decoder = new TextDecoder()
  #tail: Buffer = Buffer.alloc(0)
  #unfinishedLine = ''

  /** `onLine` is told each line as it comes, made fit for the log. */
  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine
  }

  push(data: Buffer): void {
    this.#tail = Buffer.concat([this.#tail, data]).subarray(-TAIL_BYTES)
    if (this.#onLine === undefined) return
    // Progress overwrites its line by a carriage return: each state of it is a line here.
    const lines = `${this.#unfinishedLine}${this.#decoder.decode(data, { stream: true })}`.split(/[\r\n]+/)
    this.#unfinishedLine = lines.pop()?.slice(-TAIL_CHARACTERS) ?? ''
    for (const line of lines) if (line !== '') this.#onLine(readable(line))
  }

  end(): void {
    if (this.#unfinishedLine !== '') this.#onLine?.(readable(this.#unfinishedLine))
  }

  /** The error for a git that failed in this way, with the end of what it said. */
  failure(how: string): ActionError {
    const said = this.#tail.toString('utf8')
    const line = readable(withoutProgress(said))
    const end = line.length > TAIL_CHARACTERS ? `…${line.slice(-TAIL_CHARACTERS)}` : line
    return new ActionError(isDiskFull(said) ? 'WRITE_FAILED' : 'GIT_FAILED', `${how}: ${end}`)
  }
}

const METER = /^remote: (Enumerating|Counting|Compressing|Total)\b/

/** Progress overwrites its line, and the remote's says nothing where there is an error. */
function withoutProgress(text: string): string {
  const lines = text.split('\n').map((line) => line.trimEnd().replace(/^.*\r/s, ''))
  if (!lines.some((line) => /\b(fatal|error)\b/.test(line))) return lines.join('\n')
  return lines.filter((line) => !METER.test(line)).join('\n')
}

/** On one line, with no credentials and nothing the runner takes for a command. */
function readable(text: string): string {
  const line = text
    .replace(/\/\/[^\s/@]*@/g, '//')
    .replace(/(https?:\/\/[^\s'"?]*)\?[^\s'"]*/g, '$1')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
  return sanitize(line, Number.POSITIVE_INFINITY)
}
