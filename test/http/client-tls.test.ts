import { createServer } from 'node:https'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Certificate, selfSigned } from '../support/certificate.ts'
import { startProxy } from '../support/forward-proxy.ts'
import { listen } from '../support/listening.ts'
import { findProgram } from '../support/programs.ts'
import { BYTES, bodyOf, clientFor, failureOf, get, SECRETS, SIGNED, serve } from './fixture.ts'
import { BASIC, getBy, HOST, withCredentials } from './proxied.ts'

it('https:// to a port that speaks http fails with what to look at, and nothing of where OpenSSL found it', async () => {
  const url = (await serve()).url.replace('http:', 'https:')
  const { code, text } = await failureOf(get(clientFor(url), `${url}/x`))
  expect(code).toBe('TLS_FAILED')
  expect(text).toMatch(/it does not speak TLS at this port, so perhaps it is an http:\/\/ address: [a-z ]+$/)
})

describe.skipIf(findProgram('openssl') === undefined)('TLS (needs openssl)', () => {
  async function serveTls(certificate: Certificate): Promise<number> {
    const server = createServer(certificate, (request, response) => {
      response.writeHead(206, { 'x-authorization': String(request.headers.authorization) })
      response.end(BYTES.subarray(4, 9))
    })
    server.on('tlsClientError', () => {})
    return listen(server)
  }

  /** As NODE_EXTRA_CA_CERTS does for a process from its start. */
  function trust({ cert }: Certificate): void {
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, cert])
    onTestFinished(() => setDefaultCACertificates(before))
  }

  it('works through a tunnel, which sees the name and no more, once the authority is known', async () => {
    const certificate = await selfSigned(HOST)
    trust(certificate)
    const port = await serveTls(certificate)
    const proxy = await startProxy(`http://127.0.0.1:${port}`)
    const reply = await getBy(`https://${HOST}:8443/x`, { https_proxy: withCredentials(proxy.url) })
    expect(reply.header('x-authorization')).toBe(SECRETS.authorization)
    expect(await bodyOf(reply)).toBe('bytes')
    expect(proxy.asked).toEqual([{ host: `${HOST}:8443`, authorization: BASIC }])
  })

  it('fails for an authority that is not known, and says which variable helps', async () => {
    for (const { url, failure } of await tlsFailures(await selfSigned(HOST))) {
      expect(failure).toMatchObject({ code: 'TLS_FAILED', worth: 0 })
      expect(failure.text).toContain('NODE_EXTRA_CA_CERTS')
      expect(failure.text).toContain(new URL(url).host)
    }
  })

  it('is asked for where http:// leads to a port that speaks TLS', async () => {
    const url = `http://127.0.0.1:${await serveTls(await selfSigned(HOST))}`
    const { text } = await failureOf(get(clientFor(url), `${url}/x`))
    expect(text).toContain('perhaps this server wants https')
  })

  it('fails for a certificate of another name, directly and through a tunnel', async () => {
    const certificate = await selfSigned('other.test')
    trust(certificate)
    for (const { failure } of await tlsFailures(certificate)) {
      expect(failure).toMatchObject({ code: 'TLS_FAILED', worth: 0 })
      expect(failure.text).toContain('altnames')
    }
  })

  /** How requests fail at a server with this certificate: directly, and through a tunnel. */
  async function tlsFailures(certificate: Certificate) {
    const port = await serveTls(certificate)
    const proxy = await startProxy(`http://127.0.0.1:${port}`)
    const ways = [
      { url: `https://127.0.0.1:${port}/x${SIGNED}`, env: {} },
      { url: `https://${HOST}/x${SIGNED}`, env: { https_proxy: withCredentials(proxy.url) } },
    ]
    const failures = []
    for (const { url, env } of ways) failures.push({ url, failure: await failureOf(getBy(url, env)) })
    expect(failures).toHaveLength(2)
    return failures
  }
})
