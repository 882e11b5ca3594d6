import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ask } from './ask.ts'
import { deferred } from './deferred.ts'
import { patternBytes } from './git-repo.ts'
import { type ObjectServerOptions, startObjectServer } from './object-server.ts'
import { bytesObject } from './stored-object.ts'
import { temporary } from './temporary.ts'

const bytes = patternBytes(3_000_000)

async function serve(options: ObjectServerOptions) {
  const server = await startObjectServer(options)
  onTestFinished(() => server.close())
  return server
}

it('serves bytes and files alike, whole and in ranges', async () => {
  const file = join(temporary(), 'object')
  writeFileSync(file, bytes)
  for (const options of [{ bytes }, { file }]) {
    const server = await serve(options)
    expect((await ask(server.url)).body.equals(bytes)).toBe(true)
    const part = await ask(server.url, { headers: { range: 'bytes=1000-2000999' } })
    expect(part.body.equals(bytes.subarray(1000, 2_001_000))).toBe(true)
    expect(part.headers).toMatchObject({ 'content-range': 'bytes 1000-2000999/3000000', etag: '"v1"' })
  }
})

it('serves an empty object as 200 without a range and as 416 with one', async () => {
  const server = await serve({ bytes: Buffer.alloc(0) })
  expect(await ask(server.url)).toMatchObject({ status: 200, headers: { 'content-length': '0' } })
  const ranged = await ask(server.url, { headers: { range: 'bytes=0-9' } })
  expect(ranged).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */0' } })
})

it('has other objects at other paths, and answers 404 where there is none', async () => {
  const server = await serve({ objects: { '/a': bytesObject(Buffer.from('A'), '"a"') } })
  expect((await ask(`${server.url}/a?token=x`)).body.toString()).toBe('A')
  expect((await ask(`${server.url}/b`)).status).toBe(404)
})

it('refuses the old pin after the object was replaced', async () => {
  const server = await serve({ bytes })
  server.replace(Buffer.from('new'), '"v2"')
  expect((await ask(server.url, { headers: { 'if-match': '"v1"' } })).status).toBe(412)
  expect((await ask(server.url)).headers.etag).toBe('"v2"')
})

it('logs what was asked and sent, and tells scripts the attempt', async () => {
  const attempts: string[] = []
  const server = await serve({
    bytes,
    fault: ({ start, attempt, index }) => {
      attempts.push(`${index}: ${start}#${attempt}`)
      return undefined
    },
  })
  for (const range of ['bytes=0-9', 'bytes=10-19', 'bytes=10-14']) {
    await ask(`${server.url}/x?y=z`, { headers: { range, 'if-match': '"v1"', 'x-secret': 's' } })
  }
  expect(attempts).toEqual(['0: 0#1', '1: 10#1', '2: 10#2'])
  expect(server.log[2]).toMatchObject({
    index: 2,
    method: 'GET',
    path: '/x',
    query: '?y=z',
    range: 'bytes=10-14',
    ifMatch: '"v1"',
    status: 206,
    bytesSent: 5,
    state: 'complete',
    activeAtStart: 1,
  })
  expect(server.log[2]?.headers['x-secret']).toBe('s')
})

it('counts the requests in flight, and never one that its client has whole', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const open = deferred()
  const server = await serve({
    bytes,
    fault: ({ index }) => (index < 4 ? { hold: open.promise } : undefined),
  })
  const worker = async () => {
    for (let count = 0; count < 25; count++) await received(server.url, agent)
  }
  const workers = [worker(), worker(), worker(), worker()]
  await server.until(() => server.active() === 4)
  open.resolve()
  await Promise.all(workers)
  agent.destroy()
  expect(server.log).toHaveLength(100)
  expect(server.maxActive()).toBe(4)
  expect(server.active()).toBe(0)
})

it('sees that a client went away', async () => {
  const server = await serve({ bytes, fault: () => ({ stallAfter: 10 }) })
  const asking = get(server.url)
  asking.on('error', () => {})
  await server.until(() => server.log[0]?.bytesSent === 10)
  asking.destroy()
  await server.until(() => server.active() === 0)
  expect(server.log[0]?.state).toBe('aborted')
})

/** Resolves with the last body byte, before anything else is known to have ended. */
function received(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let count = 0
      response.on('data', (part: Buffer) => {
        count += part.length
        if (count === bytes.length) resolve()
      })
    }).on('error', reject)
  })
}
