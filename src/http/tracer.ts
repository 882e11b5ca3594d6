import { describeError } from '../errors.ts'
import { placeOf } from './failure.ts'

/** What is to be told of a request: of its headers, the range alone. */
export interface TracedRequest {
  readonly method: string
  readonly url: URL
  readonly range: string | undefined
}

/** Tells of each request when it is over, in one line without a query. For debugging: it remembers all requests. */
export class Tracer {
  readonly #say: (line: string) => void
  /** How often each end of a range, or each place, was asked for. */
  readonly #asked = new Map<string, number>()

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  begin({ method, url, range }: TracedRequest): RequestTrace {
    const place = `${method} ${placeOf(url)}`
    // A request that goes on where another broke has another beginning, and the same end.
    const key = `${place} ${range?.replace(/\d+-/, '-')}`
    const attempt = (this.#asked.get(key) ?? 0) + 1
    this.#asked.set(key, attempt)
    const again = attempt === 1 ? '' : `, attempt ${attempt}`
    return new RequestTrace(`${place}${range === undefined ? '' : ` ${range}`}${again}`, this.#say)
  }
}

/** One request on its way. */
export class RequestTrace {
  readonly #what: string
  readonly #say: (line: string) => void
  readonly #began = performance.now()
  #status = 'no reply'
  #bytes = 0

  constructor(what: string, say: (line: string) => void) {
    this.#what = what
    this.#say = say
  }

  head(status: number): void {
    this.#status = `${status} after ${this.#elapsedMs} ms`
  }

  received(bytes: number): void {
    this.#bytes += bytes
  }

  ended(): void {
    this.#say(this.#told)
  }

  broken(reason: unknown): void {
    this.#say(`${this.#told}, and then: ${describeError(reason)}`)
  }

  get #told(): string {
    return `${this.#what}: ${this.#status}, ${this.#bytes} bytes in ${this.#elapsedMs} ms`
  }

  get #elapsedMs(): number {
    return Math.round(performance.now() - this.#began)
  }
}
