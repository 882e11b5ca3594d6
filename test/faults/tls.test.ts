import { beforeAll, describe, expect, it } from 'vitest'
import { type Certificate, selfSigned } from '../support/certificate.ts'
import { findProgram } from '../support/programs.ts'
import { expired, trust } from './certificates.ts'
import { CONCURRENCIES, OBJECT, obtain, QUERY, serve } from './fixture.ts'
import { nameServer } from './names.ts'
import { type ConnectionFault, type RelayOptions, startRelay } from './relay.ts'

const NAME = 'snapshots.test'
/** A place in what a server answers to a handshake, within what it has encrypted. */
const IN_HANDSHAKE = 400

describe.skipIf(findProgram('openssl') === undefined)('TLS (needs openssl)', () => {
  const certificates: Record<string, Certificate> = {}

  beforeAll(async () => {
    certificates.right = await selfSigned(NAME)
    certificates.ofAnother = await selfSigned('other.test')
    certificates.expired = await expired(NAME)
  })

  function certificate(name: string): Certificate {
    const found = certificates[name]
    if (found === undefined) throw new Error(`there is no certificate ${name}`)
    return found
  }

  /** A server behind TLS. Resolves its address, and how many connections there were. */
  async function serveTls(
    name: string,
    options: Pick<RelayOptions, 'protocols'> = {},
  ): Promise<{ url: string; count: () => number; asked: () => number }> {
    const server = await serve()
    const relay = await startRelay(server.url, { ...options, certificate: certificate(name) })
    nameServer({ [NAME]: ['127.0.0.1'] })
    return {
      url: `https://${NAME}:${relay.port}/x${QUERY}`,
      count: relay.count,
      asked: () => server.log.length,
    }
  }

  describe.each(CONCURRENCIES)('with concurrency %i', (concurrency) => {
    it.each<[string, string, string, boolean, string]>([
      [
        'F009',
        'an authority that nobody knows',
        'right',
        false,
        'set NODE_EXTRA_CA_CERTS to its certificate',
      ],
      ['F010', 'a certificate of another name', 'ofAnother', true, 'for another name'],
      ['F010', 'a certificate that has expired', 'expired', true, 'not valid now'],
    ])('%s: %s fails at once, and no request is sent', async (_, __, name, isTrusted, words) => {
      const { url, asked } = await serveTls(name)
      if (isTrusted) trust(certificate(name))
      const obtained = await obtain(url, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'TLS_FAILED', requests: 1, delays: [] })
      expect(obtained.words).toContain(`no trusted TLS connection to ${new URL(url).host}`)
      expect(obtained.words).toContain(words)
      expect(asked()).toBe(0)
    })

    it('F011: an authority that was made known is trusted', async () => {
      const { url } = await serveTls('right')
      trust(certificate('right'))
      const obtained = await obtain(url, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'OK', delays: [] })
      expect(obtained.bytes).toEqual(OBJECT)
    })

    it.each<[string, ConnectionFault]>([
      ['is reset', 'reset'],
      ['ends', 'end'],
      ['is damaged on its way', { flipAt: IN_HANDSHAKE }],
    ])('F012: a handshake that %s is tried again', async (_, fault) => {
      const { url } = await serveTls('right')
      trust(certificate('right'))
      const { port } = await startRelay(url, { fault: (index) => (index < 2 ? fault : undefined) })
      const obtained = await obtain(`https://${NAME}:${port}/x${QUERY}`, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'OK', words: '' })
      expect(obtained.bytes).toEqual(OBJECT)
      expect(obtained.delays).toHaveLength(2)
    })

    it('F020: a server that would rather speak HTTP/2 is spoken to in HTTP/1.1, over as many connections', async () => {
      const { url, count } = await serveTls('right')
      trust(certificate('right'))
      const obtained = await obtain(url, { concurrency })
      expect(obtained.bytes).toEqual(OBJECT)
      expect(count()).toBeGreaterThanOrEqual(Math.min(concurrency, 2))
    })

    it('F020: a server that speaks nothing but HTTP/2 fails at once, in words', async () => {
      const { url } = await serveTls('right', { protocols: ['h2'] })
      trust(certificate('right'))
      const obtained = await obtain(url, { concurrency })
      expect(obtained).toMatchObject({ outcome: 'TLS_FAILED', requests: 1 })
      expect(obtained.words).toContain('it offers no HTTP/1.1')
    })
  })

  it('F012: a record that is damaged in the middle of the body is one attempt, and the rest is resumed', async () => {
    const { url } = await serveTls('right')
    trust(certificate('right'))
    const { port } = await startRelay(url, {
      fault: (index) => (index === 0 ? { flipAt: 50_000 } : undefined),
    })
    const obtained = await obtain(`https://${NAME}:${port}/x${QUERY}`, { concurrency: 2 })
    expect(obtained).toMatchObject({ outcome: 'OK', words: '' })
    expect(obtained.bytes).toEqual(OBJECT)
    expect(obtained.delays).toHaveLength(1)
  })
})
