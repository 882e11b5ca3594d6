/** What went wrong, one code for each decision that a caller or a reader of the log makes. */
export type ErrorCode =
  | 'INVALID_INPUT'
  | 'UNSAFE_CHECKOUT'
  | 'REF_NOT_FOUND'
  | 'REF_MOVED'
  | 'NO_SOURCE'
  | 'NOT_FOUND'
  | 'ACCESS_DENIED'
  | 'NO_ID_TOKEN'
  | 'CONNECTION_FAILED'
  | 'TLS_FAILED'
  | 'PROXY_FAILED'
  | 'SERVER_ERROR'
  | 'RATE_LIMITED'
  | 'BAD_REDIRECT'
  | 'PROTOCOL_ERROR'
  | 'STALLED'
  | 'TIMEOUT'
  | 'TRUNCATED'
  | 'SNAPSHOT_CHANGED'
  | 'EMPTY_SNAPSHOT'
  | 'DIGEST_MISMATCH'
  | 'NOT_ZSTD'
  | 'CORRUPT_ZSTD'
  | 'CORRUPT_ARCHIVE'
  | 'UNSAFE_ENTRY'
  | 'LIMIT_EXCEEDED'
  | 'WRITE_FAILED'
  | 'UNSAFE_GIT'
  | 'GIT_FAILED'
  | 'GIT_MISSING'
  | 'PROGRAM_MISSING'
  | 'ORIGIN_FAILED'
  | 'COMMIT_MISMATCH'
  | 'CACHE_REFUSED'
  | 'CANCELLED'

/** An error that a person reads: its message says what, where, the value seen and what to do. */
export class ActionError extends Error {
  override readonly name = 'ActionError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Causes may go round in a circle. */
const MAX_CAUSES = 8

/** The error's message and those of its causes in one line, each said once. */
export function describeError(error: unknown): string {
  const messages: string[] = []
  let current = error
  for (let depth = 0; current !== undefined && depth < MAX_CAUSES; depth++, current = causeOf(current)) {
    const message = messageOf(current)
    if (message !== '' && !messages.some((said) => said.includes(message))) messages.push(message)
  }
  return messages.join(': ')
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join(', ')
  }
  return error instanceof Error ? error.message.replace(OPENSSL, '$1').trim() : String(error)
}

/** What OpenSSL says, of which only the reason is for readers: `…:error:…:library:function:reason:file:line:details`. */
const OPENSSL = /\b[0-9A-F]+:error:[0-9A-F]+:[^:\n]*:[^:\n]*:([^:\n]+):[^:\n]*:\d+:[^\n]*/g

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
