import { expect, it } from 'vitest'
import { Tracer } from '../../src/http/tracer.ts'
import { BYTES, bodyOf, clientFor, get, SIGNED, serve } from './fixture.ts'

function tracing() {
  const lines: string[] = []
  const tracer = new Tracer((line) => lines.push(line.replace(/\d+ ms/g, '# ms')))
  return { lines, tracer }
}

it('tells of each request when it is over: what, where, which bytes, how it went; nothing secret', async () => {
  const { lines, tracer } = tracing()
  const server = await serve()
  const client = clientFor(server.url, { tracer })
  await bodyOf(await get(client, `${server.url}/x${SIGNED}`))
  const range = { headers: { range: 'bytes=0-7' } }
  await bodyOf(await get(client, `${server.url}/x${SIGNED}`, range))
  expect(lines).toEqual([
    `GET ${server.url}/x: 200 after # ms, ${BYTES.length} bytes in # ms`,
    `GET ${server.url}/x bytes=0-7: 206 after # ms, 8 bytes in # ms`,
  ])
})

it('counts the attempts for a range, from wherever each of them went on', async () => {
  const { lines, tracer } = tracing()
  const server = await serve()
  const client = clientFor(server.url, { tracer })
  for (const range of ['bytes=0-7', 'bytes=8-15', 'bytes=3-7']) {
    await bodyOf(await get(client, `${server.url}/x`, { headers: { range } }))
  }
  expect(lines.map((line) => line.includes('attempt 2'))).toEqual([false, false, true])
})

it('tells of what broke, was dropped or was never answered, once, and why', async () => {
  const { lines, tracer } = tracing()
  const server = await serve({
    fault: ({ index }) =>
      [{ resetAfter: 5 }, { redirect: '/other' }, undefined, { drop: 'fin' as const }][index],
  })
  const client = clientFor(server.url, { tracer })
  await expect(get(client, `${server.url}/broken`).then(bodyOf)).rejects.toThrow('failed')
  const reply = await get(client, `${server.url}/moved`)
  reply.drop()
  await expect(get(client, `${server.url}/silent`)).rejects.toThrow('failed')
  expect(lines).toEqual([
    expect.stringMatching(/\/broken: 200 after # ms, 5 bytes in # ms, and then: request for .* failed/),
    expect.stringMatching(/\/moved: 302 after # ms, 0 bytes in # ms, and then: the reply was not wanted$/),
    expect.stringMatching(/\/other: 200 after # ms, \d+ bytes in # ms, and then: the reply was not wanted$/),
    expect.stringMatching(/\/silent: no reply, 0 bytes in # ms, and then: request for .* failed/),
  ])
})
