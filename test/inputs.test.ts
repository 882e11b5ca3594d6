import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Inputs, parseInputs } from '../src/inputs.ts'
import { complaintOf } from './support/complaint.ts'

const WORKSPACE = resolve('/work/space')
const SERVER = 'https://cache.example'

type Texts = Readonly<Record<string, string>>

const USUAL: Texts = {
  server: SERVER,
  repository: 'octo/hello',
  'github-server-url': 'https://github.com',
  concurrency: '8',
  'chunk-size': '8MiB',
  retries: '5',
  'stall-timeout': '30',
  timeout: '20',
  'on-miss': 'fetch',
  'max-unpacked-bytes': '64GiB',
  'max-entries': '5000000',
  'store-max-age': '0',
  'store-max-bytes': '10GiB',
}

function parse(texts: Texts = {}, env: Texts = {}): Inputs {
  const given = { ...USUAL, ...texts }
  return parseInputs((name) => given[name] ?? '', { GITHUB_WORKSPACE: WORKSPACE, ...env })
}

function complaint(texts: Texts, env: Texts = {}): string {
  return complaintOf(() => parse(texts, env))
}

describe('the usual inputs', () => {
  it('become values with their units', () => {
    expect(parse()).toEqual({
      source: 'cachew',
      store: undefined,
      servers: [new URL('https://cache.example/')],
      url: undefined,
      repository: { owner: 'octo', name: 'hello' },
      githubServerUrl: new URL('https://github.com/'),
      ref: '',
      token: undefined,
      ssh: undefined,
      persistCredentials: false,
      clean: true,
      filter: undefined,
      sparse: undefined,
      fetchDepth: 1,
      fetchTags: false,
      showProgress: true,
      lfs: false,
      submodules: 'none',
      setSafeDirectory: true,
      allowUnsafePrCheckout: false,
      workspace: WORKSPACE,
      destination: WORKSPACE,
      authorization: undefined,
      headers: [],
      oidcAudience: undefined,
      concurrency: 8,
      chunkBytes: 8 * 1024 * 1024,
      retries: 5,
      stallMs: 30_000,
      timeoutMs: 1_200_000,
      onMiss: 'fetch',
      sha256: undefined,
      maxUnpackedBytes: 64 * 1024 ** 3,
      maxEntries: 5_000_000,
      summary: 'auto',
    })
  })
})

describe('the snapshot source', () => {
  it.each([
    ['https://cache.example', 'https://cache.example/'],
    ['https://cache.example/', 'https://cache.example/'],
    ['http://cache.example:8080/cachew', 'http://cache.example:8080/cachew/'],
    ['http://cache.example:8080/cachew//', 'http://cache.example:8080/cachew/'],
    [' http://[::1]:8080\n', 'http://[::1]:8080/'],
  ])('server %j resolves paths below %s', (server, expected) => {
    expect(parse({ server }).servers.map(({ href }) => href)).toEqual([expected])
  })

  it('comes from CACHEW_URL where server is empty', () => {
    const inputs = parse({ server: '' }, { CACHEW_URL: 'http://cache.local:8080/' })
    expect(inputs.servers).toEqual([new URL('http://cache.local:8080/')])
  })

  it('is url rather than CACHEW_URL, its query kept', () => {
    const inputs = parse({ server: '', url: 'https://x.example/a?sig=1' }, { CACHEW_URL: 'http://c.local' })
    expect(inputs).toMatchObject({ servers: [], url: new URL('https://x.example/a?sig=1') })
  })

  it('is server rather than CACHEW_URL', () => {
    expect(parse({}, { CACHEW_URL: 'not read' }).servers).toEqual([new URL(SERVER)])
  })

  it('may be missing', () => {
    expect(parse({ server: '' })).toMatchObject({ servers: [], url: undefined })
  })

  it('is one at most', () => {
    expect(complaint({ url: 'https://x.example/a' })).toContain('server and url are both set')
  })

  it.each([
    'cache.example',
    'cache.example:8080',
    'ftp://cache.example',
    'file:///x',
    'https:/x',
    'https://',
    '/x',
  ])('refuses %j as an address', (server) => {
    expect(complaint({ server })).toBe(
      `Input server is "${server}": an http:// or https:// address is allowed`,
    )
  })

  it('refuses blanks and other lines that a URL parser would drop', () => {
    expect(complaint({ server: 'https://cache\t.example' })).toContain('https://cache .example')
    expect(complaint({ server: 'https://cache\n.example' })).toContain('Input server, line 2 is ".example"')
  })

  it('is several servers where there is one address a line', () => {
    const lines = 'https://a.example\r\n\n  http://b.example:8080/x  \n'
    const servers = [new URL('https://a.example/'), new URL('http://b.example:8080/x/')]
    expect(parse({ server: lines })).toMatchObject({ source: 'cachew', servers })
    expect(parse({ server: '' }, { CACHEW_URL: lines }).servers).toEqual(servers)
  })

  it('names the line of an address that makes no sense, or that is there twice', () => {
    expect(complaint({ server: `${SERVER}\n\nhttp://u:hidden@b.example` })).toBe(
      'Input server, line 3 is "http://***@b.example": an address without user and password is allowed, use the input authorization',
    )
    expect(complaint({ server: `${SERVER}\n${SERVER}/` })).toBe(
      `Input server, line 2 is "${SERVER}/": an address that no line before it has is allowed`,
    )
    expect(complaint({ server: '' }, { CACHEW_URL: `${SERVER}\nnowhere` })).toContain(
      'Environment variable CACHEW_URL, line 2 is "nowhere"',
    )
  })

  it('is eight servers at most', () => {
    const lines = (count: number) =>
      Array.from({ length: count }, (_, index) => `${SERVER}/${index}`).join('\n')
    expect(parse({ server: lines(8) }).servers).toHaveLength(8)
    expect(complaint({ server: lines(9) })).toBe('Input server has 9 addresses: at most 8 are allowed')
  })

  it('refuses a # part, and for a server a query', () => {
    expect(complaint({ server: `${SERVER}/#x` })).toContain('without a # part')
    expect(complaint({ server: '', url: `${SERVER}/x#y` })).toContain('without a # part')
    expect(complaint({ server: `${SERVER}/?token=hidden` })).toBe(
      `Input server is "${SERVER}/": an address without a query is allowed`,
    )
  })

  it.each([
    'https://user:hidden@x.example/a',
    'https://hidden@x.example/a?sig=hidden',
    'x://u:hidden@x#hidden',
  ])('refuses %s without repeating what is secret', (url) => {
    expect(complaint({ server: '', url })).not.toContain('hidden')
    expect(complaint({ server: '' }, { CACHEW_URL: url })).not.toContain('hidden')
  })

  it('tells to use authorization instead of a user in the address', () => {
    expect(complaint({ server: 'https://u:p@x.example' })).toContain('use the input authorization')
  })

  it('names CACHEW_URL where the value came from there', () => {
    expect(complaint({ server: '' }, { CACHEW_URL: 'nowhere' })).toContain('variable CACHEW_URL is "nowhere"')
  })
})

describe('authorization', () => {
  const env = { CACHEW_AUTHORIZATION: 'Bearer inherited' }

  it('comes from CACHEW_AUTHORIZATION with a server, but never with url', () => {
    expect(parse({}, env).authorization).toBe('Bearer inherited')
    expect(parse({ server: '' }, { ...env, CACHEW_URL: SERVER }).authorization).toBe('Bearer inherited')
    expect(parse({ server: '', url: SERVER }, { ...env, CACHEW_URL: SERVER }).authorization).toBeUndefined()
  })

  it('given as an input wins, and goes with url too', () => {
    expect(parse({ authorization: 'Bearer own' }, env).authorization).toBe('Bearer own')
    expect(parse({ server: '', url: SERVER, authorization: 'Bearer own' }).authorization).toBe('Bearer own')
  })

  it('is refused with a line break, without repeating it', () => {
    const message = complaint({ authorization: 'Bearer hidden\r\nX-Evil: 1' })
    expect(message).toContain('Input authorization has a line break')
    expect(message).not.toContain('hidden')
    expect(complaint({}, { CACHEW_AUTHORIZATION: 'a\nb' })).toContain('variable CACHEW_AUTHORIZATION')
  })
})

describe('oidc-audience', () => {
  const audience = { 'oidc-audience': 'https://cache.example' }

  it('wins over CACHEW_AUTHORIZATION', () => {
    const inputs = parse(audience, { CACHEW_AUTHORIZATION: 'Bearer inherited' })
    expect(inputs).toMatchObject({ oidcAudience: 'https://cache.example', authorization: undefined })
  })

  it('goes with url too, and is of no use where nobody takes a token', () => {
    expect(parse({ ...audience, server: '', url: SERVER }).oidcAudience).toBe('https://cache.example')
    expect(parse({ ...audience, source: 'none' }).oidcAudience).toBeUndefined()
    expect(parse({ ...audience, server: '' }).oidcAudience).toBeUndefined()
    expect(parse(audience, { GIT_SNAPSHOT_DISABLE: '1' }).oidcAudience).toBeUndefined()
  })

  it('is refused beside another Authorization, which is not repeated', () => {
    for (const other of [
      { authorization: 'Bearer hidden' },
      { headers: 'X-Key: 1\nauthorization: hidden' },
    ]) {
      const message = complaint({ ...audience, ...other })
      expect(message).toContain('Input oidc-audience is set beside an Authorization')
      expect(message).not.toContain('hidden')
    }
  })

  it.each(['two\nlines', 'ümlaut', 'x'.repeat(256)])('is refused where it is %j', (value) => {
    expect(complaint({ 'oidc-audience': value })).toContain(
      'one line of at most 255 ASCII characters is allowed',
    )
  })
})

describe('headers', () => {
  it('are one a line, blanks around them dropped', () => {
    expect(parse({ headers: '\n X-Team: build \r\n\r\nX-Empty:\nX-Colon: a:b: c\t1\n' }).headers).toEqual([
      ['X-Team', 'build'],
      ['X-Empty', ''],
      ['X-Colon', 'a:b: c\t1'],
    ])
  })

  it.each(['no colon hidden', ': hidden', 'X Y: hidden', 'X-Team : hidden', 'X-Ü: hidden', '"X": hidden'])(
    'refuses %j and tells the line, not the value',
    (line) => {
      const message = complaint({ headers: `X-Good: hidden\n${line}` })
      expect(message).toBe('Input headers, line 2 is not a header: "Name: value" is allowed')
    },
  )

  it.each(['X-A: hidden\rX-B: 1', 'X-A: hidden\0', 'X-A: hidden\u007f', 'X-A: hiddenü'])(
    'refuses the value of %j',
    (headers) => {
      const message = complaint({ headers })
      expect(message).toContain('Input headers, line 1 (X-A) has a line break, a control character')
      expect(message).not.toContain('hidden')
    },
  )

  it.each([
    'Range',
    'if-match',
    'If-Range',
    'ACCEPT-ENCODING',
    'Host',
    'Connection',
    'Content-Length',
    'TE',
    'Content-Type',
    'Git-Protocol',
  ])('refuses %s, which the requests set themselves', (name) => {
    expect(complaint({ headers: `${name}: x` })).toContain(`has ${name}, which the requests set themselves`)
  })

  it('may hold Authorization unless authorization is set too', () => {
    expect(parse({ headers: 'Authorization: Bearer x' }).headers).toEqual([['Authorization', 'Bearer x']])
    const message = complaint({ headers: 'authorization: hidden', authorization: 'hidden' })
    expect(message).toContain('one of the two is allowed')
    expect(message).not.toContain('hidden')
  })

  it('refuses the same header twice', () => {
    expect(complaint({ headers: 'X-Team: a\nx-team: b' })).toContain('x-team twice')
  })
})

describe('numbers', () => {
  it.each([
    ['concurrency', '1', 'concurrency', 1],
    ['concurrency', ' 64 ', 'concurrency', 64],
    ['chunk-size', '65536', 'chunkBytes', 65_536],
    ['chunk-size', '64KiB', 'chunkBytes', 65_536],
    ['chunk-size', '128 MiB', 'chunkBytes', 134_217_728],
    ['retries', '0', 'retries', 0],
    ['retries', '100', 'retries', 100],
    ['stall-timeout', '1', 'stallMs', 1000],
    ['stall-timeout', '1.005', 'stallMs', 1005],
    ['stall-timeout', '3600', 'stallMs', 3_600_000],
    ['timeout', '0', 'timeoutMs', 0],
    ['timeout', '0.001', 'timeoutMs', 60],
    ['timeout', '360', 'timeoutMs', 21_600_000],
    ['max-unpacked-bytes', '1048576', 'maxUnpackedBytes', 1_048_576],
    ['max-unpacked-bytes', '200 GiB', 'maxUnpackedBytes', 214_748_364_800],
    ['max-unpacked-bytes', '16384GiB', 'maxUnpackedBytes', 17_592_186_044_416],
    ['max-entries', '1', 'maxEntries', 1],
    ['max-entries', '16000000', 'maxEntries', 16_000_000],
  ] as const)('%s "%s" is %s = %d', (name, text, key, expected) => {
    expect(parse({ [name]: text })[key]).toBe(expected)
  })

  const notWhole = [
    '',
    '-1',
    '+8',
    '8x',
    '0x10',
    '1e3',
    '8.5',
    '8,0',
    '08',
    'NaN',
    'Infinity',
    '8 8',
    '٨',
    '\u00a08',
  ]

  it.each([...notWhole, '0', '65', '1000000000'])('concurrency %j is refused', (concurrency) => {
    expect(complaint({ concurrency })).toBe(
      `Input concurrency is "${concurrency}": a whole number from 1 to 64 is allowed`,
    )
  })

  it.each([...notWhole, '101'])('retries %j is refused', (retries) => {
    expect(complaint({ retries })).toBe(
      `Input retries is "${retries}": a whole number from 0 to 100 is allowed`,
    )
  })

  it.each([
    '',
    '0',
    '-8MiB',
    '8',
    '65535',
    '63KiB',
    '129MiB',
    '1GiB',
    '1.5MiB',
    '8MB',
    '8mib',
    '8M',
    '8  MiB',
    'MiB',
  ])('chunk-size %j is refused', (size) => {
    expect(complaint({ 'chunk-size': size })).toBe(
      `Input chunk-size is "${size}": 64 KiB to 128 MiB is allowed, in bytes or with the unit KiB, MiB or GiB`,
    )
  })

  it.each(['', '0', '0.999', '3600.001', '-1', '1s', '.5', '1.', '1e2', '1.0005', 'Infinity'])(
    'stall-timeout %j is refused',
    (seconds) => {
      expect(complaint({ 'stall-timeout': seconds })).toBe(
        `Input stall-timeout is "${seconds}": seconds from 1 to 3600 are allowed`,
      )
    },
  )

  it.each(['', '-1', '361', '0.0001', '20m'])('timeout %j is refused', (timeout) => {
    expect(complaint({ timeout })).toBe(`Input timeout is "${timeout}": minutes from 0 to 360 are allowed`)
  })

  it.each(['', '0', '1023KiB', '16385GiB', '1TiB', '-1', '64 gib'])(
    'max-unpacked-bytes %j is refused',
    (bytes) => {
      expect(complaint({ 'max-unpacked-bytes': bytes })).toBe(
        `Input max-unpacked-bytes is "${bytes}": 1 MiB to 16384 GiB is allowed, ` +
          'in bytes or with the unit KiB, MiB or GiB',
      )
    },
  )

  it.each([...notWhole, '0', '16000001'])('max-entries %j is refused', (entries) => {
    expect(complaint({ 'max-entries': entries })).toBe(
      `Input max-entries is "${entries}": a whole number from 1 to 16000000 is allowed`,
    )
  })

  it('refuses a product of memory over the limit, naming both inputs', () => {
    expect(parse({ concurrency: '16', 'chunk-size': '128MiB' }).chunkBytes).toBe(134_217_728)
    expect(complaint({ concurrency: '17', 'chunk-size': '128MiB' })).toBe(
      'Inputs concurrency (17) and chunk-size (128 MiB) need 4352 MiB of memory ' +
        '(2 x concurrency x chunk-size): at most 4 GiB is allowed',
    )
  })
})

describe('summary', () => {
  it.each(['auto', 'always', 'never'])('may be %s', (summary) => {
    expect(parse({ summary }).summary).toBe(summary)
  })

  it.each(['Always', 'true', 'off'])('is not %j', (summary) => {
    expect(complaint({ summary })).toBe(`Input summary is "${summary}": auto, always or never is allowed`)
  })
})

describe('on-miss', () => {
  it.each(['fetch', 'fail', 'skip'])('may be %s', (choice) => {
    expect(parse({ 'on-miss': choice }).onMiss).toBe(choice)
  })

  it.each(['', 'FAIL', 'clone'])('%j is refused', (choice) => {
    expect(complaint({ 'on-miss': choice })).toBe(
      `Input on-miss is "${choice}": fetch, fail or skip is allowed`,
    )
  })
})

describe('sha256', () => {
  const digest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

  it.each([
    ['', undefined],
    [digest, digest],
    [` ${digest}\n`, digest],
    [digest.toUpperCase(), digest],
  ])('%j is %s', (value, sha256) => {
    expect(parse({ sha256: value }).sha256).toBe(sha256)
  })

  it.each([digest.slice(1), `${digest}0`, `sha256:${digest}`, `g${digest.slice(1)}`, 'none'])(
    '%j is refused',
    (sha256) => {
      expect(complaint({ sha256 })).toBe(
        `Input sha256 is "${sha256}": a SHA-256 digest of 64 hexadecimal digits is allowed`,
      )
    },
  )
})

describe('the source', () => {
  const url = 'https://objects.example/x.tar.zst'

  it.each<[Texts, Texts, Inputs['source']]>([
    [{}, {}, 'cachew'],
    [{ source: 'auto' }, {}, 'cachew'],
    [{ server: '', url }, {}, 'url'],
    [{ server: '' }, {}, 'actions-cache'],
    [{ server: '' }, { CACHEW_URL: SERVER }, 'cachew'],
    [{ source: 'actions-cache' }, {}, 'actions-cache'],
    [{ source: 'none' }, {}, 'none'],
    [{ source: 'url', server: '', url }, { CACHEW_URL: SERVER }, 'url'],
  ])('of %j with %j is %s', (texts, env, source) => {
    expect(parse(texts, env).source).toBe(source)
  })

  it('is refused where it is an unknown word, or its address is not there', () => {
    expect(complaint({ source: 'cache' })).toBe(
      'Input source is "cache": auto, cachew, url, actions-cache or none is allowed',
    )
    expect(complaint({ source: 'url' })).toBe('Input source is url: the input url has to say where it is')
    expect(complaint({ source: 'cachew', server: '' })).toBe(
      'Input source is cachew: the input server, or CACHEW_URL in the environment, has to say where it is',
    )
  })
})

describe('the store', () => {
  const selfHosted = { RUNNER_ENVIRONMENT: 'self-hosted', RUNNER_TOOL_CACHE: resolve('/tools') }
  const kept = { maxAgeMs: 0, maxBytes: 10 * 1024 ** 3 }

  it('is in the tool cache of a self-hosted runner, and nowhere on another', () => {
    expect(parse({}, selfHosted).store).toEqual({ ...kept, directory: resolve('/tools') })
    expect(parse({ store: 'auto' }, selfHosted).store?.directory).toBe(resolve('/tools'))
    expect(parse({}, { ...selfHosted, RUNNER_ENVIRONMENT: 'github-hosted' }).store).toBeUndefined()
    expect(parse({}, { RUNNER_ENVIRONMENT: 'self-hosted' }).store).toBeUndefined()
    expect(parse({ store: 'off' }, selfHosted).store).toBeUndefined()
  })

  it('is where the input says, with its age and size', () => {
    const texts = { store: resolve('/kept'), 'store-max-age': '30m', 'store-max-bytes': '1GiB' }
    expect(parse(texts).store).toEqual({
      directory: resolve('/kept'),
      maxAgeMs: 1_800_000,
      maxBytes: 1024 ** 3,
    })
  })

  it('is refused where it makes no sense', () => {
    expect(complaint({ store: 'on' })).toBe('Input store is "on": off, auto or an absolute path is allowed')
    expect(complaint({ 'store-max-age': '2 hours' })).toBe(
      'Input store-max-age is "2 hours": 0, or a whole number with the unit m, h or d, is allowed',
    )
    expect(complaint({ 'store-max-bytes': '0' })).toContain('Input store-max-bytes is "0"')
  })
})

describe('GIT_SNAPSHOT_DISABLE', () => {
  it.each([
    ['1', 'none'],
    [' 1 ', 'none'],
    ['true', 'none'],
    ['0', 'cachew'],
    ['false', 'cachew'],
    ['', 'cachew'],
  ])('%j makes the source %s', (value, source) => {
    expect(parse({}, { GIT_SNAPSHOT_DISABLE: value }).source).toBe(source)
  })

  it.each(['on', 'yes', '2'])('%j is refused, so that nobody believes it', (value) => {
    expect(complaint({}, { GIT_SNAPSHOT_DISABLE: value })).toBe(
      `Environment variable GIT_SNAPSHOT_DISABLE is "${value}": 1 or true to fetch without a snapshot, or nothing, is allowed`,
    )
  })
})

describe('the path', () => {
  it.each([
    ['', WORKSPACE],
    ['.', WORKSPACE],
    ['sub/dir/', join(WORKSPACE, 'sub', 'dir')],
    ['a/../b', join(WORKSPACE, 'b')],
    ['..b', join(WORKSPACE, '..b')],
    [WORKSPACE, WORKSPACE],
    [join(WORKSPACE, 'sub'), join(WORKSPACE, 'sub')],
  ])('%j leads to %s', (path, expected) => {
    expect(parse({ path }).destination).toBe(expected)
  })

  it.each(['..', '../x', 'a/../..', '/', '/elsewhere', `${WORKSPACE}-twin`, `../space-twin`, 'a\0b'])(
    '%j is refused',
    (path) => {
      expect(complaint({ path })).toContain(`a path inside the workspace ${WORKSPACE} is allowed`)
    },
  )

  it('needs a workspace', () => {
    expect(complaint({}, { GITHUB_WORKSPACE: '' })).toContain('variable GITHUB_WORKSPACE is ""')
    expect(complaint({}, { GITHUB_WORKSPACE: 'relative' })).toContain('an absolute path is allowed')
  })
})

describe('a bad value', () => {
  it('cannot write a command into the log', () => {
    const message = complaint({ concurrency: '8\r::add-path::/x\n##[error]' })
    expect(message).not.toMatch(/[\r\n]|::|##\[/)
  })
})
