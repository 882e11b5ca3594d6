const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const ZERO_WIDTH_SPACE = '\u200b'

/**
 * Text from outside, fit for the log: control characters, line separators and what turns the direction of writing
 * become spaces, what the runner would take for a command (`::`, `##[`) is broken by a zero-width space, and the
 * result has at most `limit` UTF-16 units. To sanitize twice changes nothing more.
 */
export function sanitize(text: string, limit = 500): string {
  const harmless = text
    .slice(0, limit + 1)
    .replace(CONTROLS, ' ')
    .replace(/:(?=:)/g, `:${ZERO_WIDTH_SPACE}`)
    .replace(/#(?=#\[)/g, `#${ZERO_WIDTH_SPACE}`)
    .toWellFormed()
  return harmless.length <= limit ? harmless : `${withoutHalfPair(harmless.slice(0, limit - 1))}…`
}

function withoutHalfPair(text: string): string {
  return text.isWellFormed() ? text : text.slice(0, -1)
}

/** An address for the log: nothing that may be a user, a password or a signed query, however badly formed. */
export function withoutSecrets(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').replace(/[?#].*$/s, '')
}
