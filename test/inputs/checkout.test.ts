import { describe, expect, it } from 'vitest'
import { trimmed } from '../../src/input-values.ts'
import { type CheckoutInputs, parseCheckoutInputs } from '../../src/inputs/checkout.ts'
import { complaintOf } from '../support/complaint.ts'

type Texts = Readonly<Record<string, string>>

const KEY = ['-----BEGIN OPENSSH PRIVATE KEY-----', 'c2VjcmV0', '-----END OPENSSH PRIVATE KEY-----'].join(
  '\n',
)
const RUNNER: Texts = { GITHUB_REPOSITORY: 'octo/hello', GITHUB_SERVER_URL: 'https://github.com' }

function parse(texts: Texts = {}, env: Texts = RUNNER): CheckoutInputs {
  return parseCheckoutInputs((name) => ({ label: `Input ${name}`, value: trimmed(texts[name] ?? '') }), env)
}

function complaint(texts: Texts, env: Texts = RUNNER): string {
  return complaintOf(() => parse(texts, env))
}

describe('the repository', () => {
  it.each([
    ['octo/hello', 'octo', 'hello'],
    ['octo/hello.git', 'octo', 'hello'],
    ['octo/hello.wiki', 'octo', 'hello.wiki'],
    ['o-c.t_o/.github', 'o-c.t_o', '.github'],
    ['octo/.git.git', 'octo', '.git'],
  ])('%s is owner %s and name %s', (repository, owner, name) => {
    expect(parse({ repository }).repository).toEqual({ owner, name })
  })

  it.each([
    'hello',
    'octo/',
    '/hello',
    'a/b/c',
    '../x',
    'x/..',
    './x',
    'x/.',
    'a/b c',
    'a/b?c',
    'a/b#c',
    'ä/b',
  ])('%j is refused', (repository) => {
    expect(complaint({ repository })).toBe(`Input repository is "${repository}": owner/name is allowed`)
  })

  it("is the workflow's own where it is empty", () => {
    expect(parse().repository).toEqual({ owner: 'octo', name: 'hello' })
    expect(complaint({}, {})).toBe('Input repository is "": owner/name is allowed')
    expect(complaint({}, { GITHUB_REPOSITORY: 'x' })).toContain('variable GITHUB_REPOSITORY is "x"')
  })

  it('lies on a GitHub server without a path', () => {
    const enterprise = parse({ 'github-server-url': 'https://ghe.example:8443/' })
    expect(enterprise.githubServerUrl.host).toBe('ghe.example:8443')
    expect(complaint({ 'github-server-url': 'https://ghe.example/x' })).toContain('without a path')
  })

  it("lies on the workflow's GitHub server where none is given", () => {
    expect(parse().githubServerUrl.href).toBe('https://github.com/')
    const env = { GITHUB_REPOSITORY: 'octo/hello' }
    expect(complaint({}, env)).toContain('Input github-server-url is ""')
    expect(complaint({}, { ...env, GITHUB_SERVER_URL: 'x' })).toContain('variable GITHUB_SERVER_URL is "x"')
  })
})

describe('the ref', () => {
  it('is taken as it is, ASCII blanks around it aside', () => {
    expect(parse({ ref: ' refs/heads/main\n' }).ref).toBe('refs/heads/main')
    expect(parse({ ref: '\ufeffmain\u00a0' }).ref).toBe('\ufeffmain\u00a0')
  })
})

describe('the token', () => {
  it('is a word, or missing', () => {
    expect(parse({ token: ' ghs_a.b-c\n' }).token).toBe('ghs_a.b-c')
    expect(parse({ token: ' ' }).token).toBeUndefined()
  })

  it.each(['hidden hidden', 'hidden\nhidden', 'hidden\u0007', 'hiddenü'])(
    'is not repeated where it is refused: %j',
    (token) => {
      const message = complaint({ token })
      expect(message).toContain('Input token has a blank')
      expect(message).not.toContain('hidden')
    },
  )
})

describe('SSH', () => {
  it('is not used without a key', () => {
    expect(parse({ 'ssh-known-hosts': 'host key', 'ssh-user': 'me' }).ssh).toBeUndefined()
  })

  it('has strict checks and the user git unless told otherwise', () => {
    expect(parse({ 'ssh-key': `\n${KEY}\n\n` }).ssh).toEqual({
      key: KEY,
      knownHosts: undefined,
      isStrict: true,
      user: 'git',
    })
    const told = {
      'ssh-key': KEY,
      'ssh-strict': 'False',
      'ssh-user': 'org-1',
      'ssh-known-hosts': 'a b c\nd e f\n',
    }
    expect(parse(told).ssh).toEqual({ key: KEY, knownHosts: 'a b c\nd e f', isStrict: false, user: 'org-1' })
  })

  it.each(['RSA PRIVATE KEY', 'EC PRIVATE KEY', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])(
    'takes a key that begins with %s, with any line ends',
    (kind) => {
      const key = [`-----BEGIN ${kind}-----`, 'c2VjcmV0', `-----END ${kind}-----`].join('\r\n')
      expect(parse({ 'ssh-key': key }).ssh?.key).toBe(key)
    },
  )

  it.each([
    'hidden',
    'ssh-ed25519 hidden me@host',
    '/home/hidden/.ssh/id_rsa',
    KEY.replaceAll('\n', ' ').replace('c2VjcmV0', 'hidden'),
    `${KEY}\0hidden`,
  ])('refuses the key %j without repeating it', (key) => {
    const message = complaint({ 'ssh-key': key })
    expect(message).toContain('Input ssh-key is not a private key')
    expect(message).not.toContain('hidden')
  })

  it.each(['-oProxyCommand=x', 'a b', 'a@b', 'a:b', 'a/b', 'ä', '.a', '"a'])(
    'refuses the user %j',
    (user) => {
      expect(complaint({ 'ssh-user': user })).toContain(`Input ssh-user is "${user}"`)
    },
  )
})

describe('switches', () => {
  const switches = [
    ['persist-credentials', 'persistCredentials', false],
    ['clean', 'clean', true],
    ['fetch-tags', 'fetchTags', false],
    ['show-progress', 'showProgress', true],
    ['lfs', 'lfs', false],
    ['set-safe-directory', 'setSafeDirectory', true],
    ['allow-unsafe-pr-checkout', 'allowUnsafePrCheckout', false],
  ] as const

  it.each(switches)('%s may be true or false, and is %s = %s where it is empty', (name, key, whenEmpty) => {
    expect(parse({ [name]: 'TRUE' })[key]).toBe(true)
    expect(parse({ [name]: 'False' })[key]).toBe(false)
    expect(parse({ [name]: '' })[key]).toBe(whenEmpty)
  })

  it.each([...switches.map(([name]) => name), 'ssh-strict', 'sparse-checkout-cone-mode'])(
    '%s is refused as anything else',
    (name) => {
      expect(complaint({ [name]: 'yes' })).toBe(`Input ${name} is "yes": true or false is allowed`)
    },
  )
})

describe('the filter', () => {
  it.each(['blob:none', 'tree:0', 'combine:blob:limit=1k+tree:3'])('may be %s', (filter) => {
    expect(parse({ filter }).filter).toBe(filter)
  })

  it('may be missing, but has no blanks', () => {
    expect(parse({ filter: ' ' }).filter).toBeUndefined()
    expect(complaint({ filter: 'blob:none --upload-pack=x' })).toContain('a filter without blanks is allowed')
    expect(complaint({ filter: 'blob:none\0' })).toContain('a filter without blanks is allowed')
  })
})

describe('sparse patterns', () => {
  it('are one a line, blanks around them and empty lines dropped', () => {
    const patterns = ['/*', '!/docs', 'a dir/x', '#literally']
    expect(parse({ 'sparse-checkout': `\n ${patterns.join('\r\n\n\t')} \n` }).sparse?.patterns).toEqual(
      patterns,
    )
  })

  it('are directories unless told otherwise', () => {
    expect(parse({ 'sparse-checkout': 'src' }).sparse).toEqual({ patterns: ['src'], isCone: true })
    const told = { 'sparse-checkout': 'src', 'sparse-checkout-cone-mode': 'false' }
    expect(parse(told).sparse).toEqual({ patterns: ['src'], isCone: false })
  })

  it('may be missing, but have no NUL', () => {
    expect(parse({ 'sparse-checkout': ' \n ' }).sparse).toBeUndefined()
    expect(complaint({ 'sparse-checkout': 'a\0b' })).toContain('Input sparse-checkout is "a b"')
  })
})

describe('the depth', () => {
  it.each([
    ['', 1],
    ['1', 1],
    ['50', 50],
    ['2147483647', 2_147_483_647],
    ['0', 0],
    ['-0', 0],
    ['-1', 0],
    ['007', 7],
  ])('%j is %d', (depth, commits) => {
    expect(parse({ 'fetch-depth': depth }).fetchDepth).toBe(commits)
  })

  it.each(['all', 'NaN', 'Infinity', '1.5', '1e3', '0x10', '1 0', '2147483648', '٣'])(
    '%j is refused',
    (depth) => {
      expect(complaint({ 'fetch-depth': depth })).toBe(
        `Input fetch-depth is "${depth}": a whole number up to 2147483647 is allowed, 0 for all history`,
      )
    },
  )
})

describe('submodules', () => {
  it.each([
    ['', 'none'],
    ['false', 'none'],
    ['FALSE', 'none'],
    ['True', 'direct'],
    ['Recursive', 'recursive'],
  ])('%j means %s', (value, submodules) => {
    expect(parse({ submodules: value }).submodules).toBe(submodules)
  })

  it.each(['yes', 'all', 'recurse'])('%j is refused', (value) => {
    expect(complaint({ submodules: value })).toBe(
      `Input submodules is "${value}": true, false or recursive is allowed`,
    )
  })
})
