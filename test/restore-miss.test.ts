import { describe, expect, it } from 'vitest'
import { describeError } from '../src/errors.ts'
import { freePort } from './support/child-server.ts'
import { Run } from './support/restore-run.ts'
import { useServedProject } from './support/served-project.ts'

const project = useServedProject()

describe('a step that fails for want of a snapshot, since on-miss is fail,', () => {
  it('says what it means that its server is not there, and what to check', async () => {
    const run = new Run(project)
    const server = `http://127.0.0.1:${await freePort()}`
    const error = await run.failing({ servers: [new URL(`${server}/`)], retries: 0 })
    const what = `request for ${server}${project.server.snapshotPath('octo/project')} failed`
    const advice = 'check server (or url), and that the server runs'
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(describeError(error)).toBe(
      `No snapshot of octo/project was restored: ${what}; ${advice}: ` +
        `connect ECONNREFUSED ${new URL(server).host}. The step fails, since on-miss is fail`,
    )
  })

  it('says so of any other reason', async () => {
    project.fault = () => ({ status: 503 })
    const error = await new Run(project).failing({ retries: 0 })
    expect(error).toMatchObject({ code: 'SERVER_ERROR' })
    expect(describeError(error)).toMatch(
      /^No snapshot of octo\/project was restored: .* answered 503\. The step fails, since on-miss is fail$/,
    )
  })
})
