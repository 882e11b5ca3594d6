import type { Environment } from '../environment.ts'
import type { Sparse } from '../git/sparse.ts'
import type { SshKey } from '../git/ssh.ts'
import {
  baseAddress,
  flag,
  type Given,
  inherited,
  invalid,
  orElse,
  refused,
  trimmed,
} from '../input-values.ts'

/** The inputs that actions/checkout has too: same names, same meaning. */
export interface CheckoutInputs {
  readonly repository: { readonly owner: string; readonly name: string }
  readonly githubServerUrl: URL
  /** As given, ASCII blanks around it dropped; empty for what the job's event is about. */
  readonly ref: string
  readonly token: string | undefined
  readonly ssh: SshKey | undefined
  readonly persistCredentials: boolean
  readonly clean: boolean
  /** As git's --filter takes it. */
  readonly filter: string | undefined
  readonly sparse: Sparse | undefined
  /** How many commits a plain fetch asks for; 0 means the history of all branches and tags. */
  readonly fetchDepth: number
  readonly fetchTags: boolean
  readonly showProgress: boolean
  readonly lfs: boolean
  readonly submodules: 'none' | 'direct' | 'recursive'
  readonly setSafeDirectory: boolean
  readonly allowUnsafePrCheckout: boolean
}

/** Git's own bound: it keeps a depth in 32 bits. */
const DEEPEST = 2 ** 31 - 1
const PRIVATE_KEY = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[ \t]*$/m

/**
 * An empty text means what it means to actions/checkout: true for most switches whatever action.yml says, since a
 * workflow may hand on an input of its own that nobody set.
 */
export function parseCheckoutInputs(input: (name: string) => Given, env: Environment): CheckoutInputs {
  return {
    repository: parseRepository(inherited(input('repository'), env, 'GITHUB_REPOSITORY')),
    githubServerUrl: parseGitHubServer(inherited(input('github-server-url'), env, 'GITHUB_SERVER_URL')),
    ref: input('ref').value,
    token: parseToken(input('token')),
    ssh: parseSsh(input),
    persistCredentials: flag(input('persist-credentials')),
    clean: flag(orElse(input('clean'), 'true')),
    filter: parseFilter(input('filter')),
    sparse: parseSparse(input('sparse-checkout'), input('sparse-checkout-cone-mode')),
    fetchDepth: parseDepth(orElse(input('fetch-depth'), '1')),
    fetchTags: flag(input('fetch-tags')),
    showProgress: flag(orElse(input('show-progress'), 'true')),
    lfs: flag(input('lfs')),
    submodules: parseSubmodules(input('submodules')),
    setSafeDirectory: flag(orElse(input('set-safe-directory'), 'true')),
    allowUnsafePrCheckout: flag(input('allow-unsafe-pr-checkout')),
  }
}

function parseRepository(given: Given): CheckoutInputs['repository'] {
  const parts = /^([A-Za-z0-9_.-]+)\/([A-Za-z0-9_.-]+?)(?:\.git)?$/.exec(given.value)
  const [, owner = '.', name = '.'] = parts ?? []
  if ([owner, name].some((part) => part === '.' || part === '..')) {
    throw refused(given, 'owner/name is allowed')
  }
  return { owner, name }
}

function parseGitHubServer(given: Given): URL {
  const url = baseAddress(given)
  if (url.pathname === '/') return url
  throw refused(given, 'the address of a GitHub server without a path is allowed')
}

/** A token is a secret: the error does not repeat it. */
function parseToken({ label, value }: Given): string | undefined {
  if (value === '') return undefined
  if (/^[\x21-\x7e]+$/.test(value)) return value
  throw invalid(`${label} has a blank, a line break or a letter outside ASCII inside: none is allowed`)
}

function parseSsh(input: (name: string) => Given): SshKey | undefined {
  const key = input('ssh-key')
  const knownHosts = withoutNul(input('ssh-known-hosts'))
  const isStrict = flag(orElse(input('ssh-strict'), 'true'))
  const user = orElse(input('ssh-user'), 'git')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(user.value)) {
    throw refused(user, "a user's name is allowed: letters, digits, and . _ + - inside")
  }
  if (key.value === '') return undefined
  if (!PRIVATE_KEY.test(key.value) || key.value.includes('\0')) {
    throw invalid(
      `${key.label} is not a private key: the whole text of a key file is allowed, its line breaks and ` +
        'the line "-----BEGIN ... PRIVATE KEY-----" included',
    )
  }
  return { key: key.value, knownHosts: knownHosts || undefined, isStrict, user: user.value }
}

function withoutNul(given: Given): string {
  if (given.value.includes('\0')) throw refused(given, 'a text without NUL is allowed')
  return given.value
}

function parseFilter(given: Given): string | undefined {
  if (/[\s\p{Cc}]/u.test(given.value)) {
    throw refused(given, "a filter without blanks is allowed, as git's --filter takes it")
  }
  return given.value || undefined
}

function parseSparse(given: Given, coneMode: Given): Sparse | undefined {
  const isCone = flag(orElse(coneMode, 'true'))
  const patterns = withoutNul(given)
    .split('\n')
    .map(trimmed)
    .filter((pattern) => pattern !== '')
  return patterns.length === 0 ? undefined : { patterns, isCone }
}

function parseDepth(given: Given): number {
  const depth = /^-?\d+$/.test(given.value) ? Number(given.value) : Number.NaN
  if (depth <= DEEPEST) return Math.max(0, depth)
  throw refused(given, `a whole number up to ${DEEPEST} is allowed, 0 for all history`)
}

function parseSubmodules(given: Given): CheckoutInputs['submodules'] {
  const word = given.value.toLowerCase()
  if (word === 'recursive') return 'recursive'
  if (word === 'true') return 'direct'
  if (word === 'false' || word === '') return 'none'
  throw refused(given, 'true, false or recursive is allowed')
}
