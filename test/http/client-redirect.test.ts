import { describe, expect, it } from 'vitest'
import { freePort } from '../support/child-server.ts'
import { never } from '../support/deferred.ts'
import { BYTES, bodyOf, clientFor, failureOf, get, SECRETS, SIGNED, serve } from './fixture.ts'

describe('a redirect', () => {
  it('within the origin keeps the secrets and what was asked for', async () => {
    const server = await serve({
      fault: ({ path }) => (path === '/x' ? { redirect: '/dir/y?z=1' } : undefined),
    })
    const headers = { range: 'bytes=4-8', 'if-match': '"v1"' }
    const reply = await get(clientFor(server.url), `${server.url}/x`, { headers })
    expect(await bodyOf(reply)).toBe('bytes')
    expect(reply.url.href).toBe(`${server.url}/dir/y?z=1`)
    expect(server.log[1]?.headers).toMatchObject({ ...headers, ...SECRETS })
  })

  it('to another origin keeps what was asked for, and no secret', async () => {
    const other = await serve()
    const server = await serve({ fault: () => ({ redirect: `${other.url}/y` }) })
    const reply = await get(clientFor(server.url), `${server.url}/x`, { headers: { range: 'bytes=4-8' } })
    expect(await bodyOf(reply)).toBe('bytes')
    const { host, connection, ...headers } = other.log[0]?.headers ?? {}
    expect(headers).toEqual({
      'user-agent': 'git-snapshot',
      'accept-encoding': 'identity',
      range: 'bytes=4-8',
    })
  })

  it('to another host name of the same server is another origin', async () => {
    const server = await serve({
      fault: ({ path, headers }) =>
        path === '/x' ? { redirect: `http://localhost:${headers.host?.split(':')[1]}/y` } : undefined,
    })
    await bodyOf(await get(clientFor(server.url), `${server.url}/x`))
    expect(server.log[1]?.headers.authorization).toBeUndefined()
  })

  it('to a host that cannot be reached names the address that was asked, too', async () => {
    const there = `http://127.0.0.1:${await freePort()}/y`
    const server = await serve({ fault: () => ({ redirect: `${there}${SIGNED}` }) })
    const { code, text, worth } = await failureOf(get(clientFor(server.url), `${server.url}/x${SIGNED}`))
    expect({ code, worth }).toEqual({ code: 'CONNECTION_FAILED', worth: Number.POSITIVE_INFINITY })
    expect(text).toMatch(`request for ${there} failed`)
    expect(text).toMatch(`; ${server.url}/x redirects there: connect ECONNREFUSED`)
  })

  it('may come five times, and not six', async () => {
    const server = await serve({
      fault: ({ path }) => (path === '/0' ? undefined : { redirect: `/${Number(path.slice(1)) - 1}` }),
    })
    const client = clientFor(server.url)
    expect(await bodyOf(await get(client, `${server.url}/5`))).toBe(BYTES.toString())
    const { code, text } = await failureOf(get(client, `${server.url}/6`))
    expect(code).toBe('BAD_REDIRECT')
    expect(text).toContain('more than 5 times')
  })

  it.each<[string, string | null]>([
    ['nowhere', null],
    ['a file', 'file:///etc/passwd'],
    ['a user', 'http://u:s3cret@127.0.0.1/'],
  ])('to %s is refused, and its connection ended', async (_, location) => {
    const page = { status: 302, body: 'a page', headers: { location }, pause: { after: 0, until: never } }
    const server = await serve({ fault: () => page })
    expect(await failureOf(get(clientFor(server.url), `${server.url}/x${SIGNED}`))).toMatchObject({
      code: 'BAD_REDIRECT',
    })
    await server.until(() => server.active() === 0)
  })
})
