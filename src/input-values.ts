import type { Environment } from './environment.ts'
import { ActionError } from './errors.ts'
import { sanitize, withoutSecrets } from './sanitize.ts'

/** One setting as it was given: `label` is how a message calls it ("Input retries"). */
export interface Given {
  readonly label: string
  readonly value: string
}

interface Span {
  readonly least: number
  readonly most: number
}

const MS_PER: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Only ASCII blanks: an exotic space in a value is a mistake worth telling. */
export function trimmed(value: string): string {
  return value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
}

/** The setting, or what an environment variable has for it where it is empty. */
export function inherited(given: Given, env: Environment, name: string): Given {
  const value = trimmed(env[name] ?? '')
  if (given.value !== '' || value === '') return given
  return { label: `Environment variable ${name}`, value }
}

/** The setting, or `value` where it is empty. */
export function orElse(given: Given, value: string): Given {
  return given.value === '' ? { ...given, value } : given
}

/** The error for a bad value: the setting's name, the value, and what is allowed. */
export function refused(given: Given, allowed: string): ActionError {
  return invalid(`${given.label} is "${sanitize(given.value)}": ${allowed}`)
}

export function invalid(message: string, options?: ErrorOptions): ActionError {
  return new ActionError('INVALID_INPUT', message, options)
}

/** In any case of letters, as the runner's own actions read it; an empty text is false. */
export function flag(given: Given): boolean {
  const word = given.value.toLowerCase()
  if (word === 'true') return true
  if (word === 'false' || word === '') return false
  throw refused(given, 'true or false is allowed')
}

export function wholeNumber(given: Given, { least, most }: Span): number {
  const parsed = /^(0|[1-9]\d{0,15})$/.test(given.value) ? Number(given.value) : Number.NaN
  if (parsed >= least && parsed <= most) return parsed
  throw refused(given, `a whole number from ${least} to ${most} is allowed`)
}

/** A number with at most three decimals, in the unit that `allowed` names. */
export function decimal(given: Given, { least, most, unit }: Span & { readonly unit: string }): number {
  const parsed = /^(0|[1-9]\d{0,15})(\.\d{1,3})?$/.test(given.value) ? Number(given.value) : Number.NaN
  if (parsed >= least && parsed <= most) return parsed
  throw refused(given, `${unit} from ${least} to ${most} are allowed`)
}

/** Milliseconds; a number with the unit m, h or d, or 0. */
export function duration(given: Given): number {
  const [, digits, unit = ''] = /^(0|[1-9]\d{0,5})([mhd]?)$/.exec(given.value) ?? []
  const count = Number(digits)
  const unitMs = MS_PER[unit]
  if (count === 0) return 0
  if (digits !== undefined && unitMs !== undefined) return count * unitMs
  throw refused(given, '0, or a whole number with the unit m, h or d, is allowed')
}

export function byteCount(given: Given, { least, most }: Span): number {
  const parts = /^([1-9]\d{0,15}) ?(KiB|MiB|GiB|)$/.exec(given.value)
  const parsed = parts === null ? Number.NaN : Number(parts[1]) * (UNITS[parts[2] ?? ''] ?? Number.NaN)
  if (parsed >= least && parsed <= most) return parsed
  throw refused(
    given,
    `${formatBytes(least)} to ${formatBytes(most)} is allowed, in bytes or with the unit KiB, MiB or GiB`,
  )
}

/** To the byte, since it is held against a limit. */
export function formatBytes(bytes: number): string {
  const unit = (['GiB', 'MiB', 'KiB'] as const).find((name) => bytes % (UNITS[name] ?? 1) === 0)
  return unit === undefined ? `${bytes} bytes` : `${bytes / (UNITS[unit] ?? 1)} ${unit}`
}

/** An http or https address without user, password and fragment. */
export function webAddress(given: Given): URL {
  if (!/^https?:\/\/[^\s\p{Cc}]+$/iu.test(given.value) || !URL.canParse(given.value)) {
    throw refusedAddress(given, 'an http:// or https:// address is allowed')
  }
  const url = new URL(given.value)
  if (url.username !== '' || url.password !== '') {
    throw refusedAddress(
      given,
      'an address without user and password is allowed, use the input authorization',
    )
  }
  if (given.value.includes('#')) throw refusedAddress(given, 'an address without a # part is allowed')
  return url
}

/** As `webAddress`, without a query, and with a path that ends in a slash so that paths resolve below it. */
export function baseAddress(given: Given): URL {
  const url = webAddress(given)
  if (given.value.includes('?')) throw refusedAddress(given, 'an address without a query is allowed')
  url.pathname = url.pathname.replace(/\/*$/, '/')
  return url
}

/** What may be secret in an address is never in the error. */
function refusedAddress(given: Given, allowed: string): ActionError {
  return refused({ ...given, value: withoutSecrets(given.value) }, allowed)
}
