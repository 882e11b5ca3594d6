import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { readJobEvent } from '../src/job-event.ts'
import { temporary } from './support/temporary.ts'

let root: string
let file: string

beforeEach(() => {
  root = temporary()
  file = join(root, 'event.json')
})

const payloadOf = async (path: string) => (await readJobEvent({ GITHUB_EVENT_PATH: path })).payload

describe('the event of a job', () => {
  it('is what the variables of the runner and the file of the event say', async () => {
    await writeFile(file, '{"repository": {"id": 7}, "action": "opened"}')
    const event = await readJobEvent({
      GITHUB_EVENT_NAME: 'pull_request',
      GITHUB_REF: 'refs/pull/3/merge',
      GITHUB_SHA: 'a'.repeat(40),
      GITHUB_REPOSITORY: 'octo/project',
      GITHUB_EVENT_PATH: file,
    })
    expect(event).toEqual({
      name: 'pull_request',
      ref: 'refs/pull/3/merge',
      sha: 'a'.repeat(40),
      repository: 'octo/project',
      payload: { repository: { id: 7 }, action: 'opened' },
    })
  })

  it('is empty where nothing is set, as outside of a runner', async () => {
    expect(await readJobEvent({})).toEqual({ name: '', ref: '', sha: '', repository: '', payload: {} })
  })

  it('has an empty payload where the file is missing, or no file', async () => {
    expect(await payloadOf(file)).toEqual({})
    expect(await payloadOf(root)).toEqual({})
  })

  it.each(['', '{"repository": ', 'null', '"text"', '[1, 2]'])(
    'has an empty payload where the file says %j',
    async (text) => {
      await writeFile(file, text)
      expect(await payloadOf(file)).toEqual({})
    },
  )

  it('has an empty payload where the file is larger than GitHub sends any', async () => {
    await writeFile(file, '{}')
    await truncate(file, 32 * 1024 ** 2 + 1)
    expect(await payloadOf(file)).toEqual({})
  })

  it('takes a large payload that GitHub may send', async () => {
    await writeFile(file, JSON.stringify({ body: 'x'.repeat(1024 ** 2) }))
    expect(Object.keys(await payloadOf(file))).toEqual(['body'])
  })
})
