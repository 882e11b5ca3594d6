import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { expectRestored, run } from './support/action-run.ts'
import { restoring, useServedProject } from './support/served-project.ts'
import { temporary } from './support/temporary.ts'

const project = useServedProject()

/** A file that takes the summaries of all steps of a job, as the page of the job shows them. */
function jobSummary(): { readonly env: Readonly<Record<string, string>>; readonly read: () => string } {
  const file = join(temporary(), 'summary')
  writeFileSync(file, '')
  return { env: { GITHUB_STEP_SUMMARY: file }, read: () => readFileSync(file, 'utf8') }
}

function headingsIn(text: string): readonly string[] {
  return text.match(/^#.*$/gm) ?? []
}

it('two steps of one job each have their place in its summary', async () => {
  const summary = jobSummary()
  const inputs = { summary: 'always' }
  const first = await run(restoring(project, { inputs, env: summary.env }))
  const second = await run(
    restoring(project, { inputs: { ...inputs, path: 'deps/again' }, env: summary.env }),
  )
  for (const result of [first, second]) expectRestored(result)
  expect(headingsIn(summary.read())).toEqual([
    expect.stringMatching(/^### Restored `octo\/project` in [\d.]+ m?s$/),
    expect.stringMatching(/^### Restored `octo\/project` in `deps\/again` in [\d.]+ m?s$/),
  ])
  const { commit } = project.snapshot
  const link = `[\`${commit.slice(0, 7)}\`](<https://github.com/octo/project/commit/${commit}>)`
  expect(summary.read().split(link)).toHaveLength(3)
  expect(
    summary.read().match(/^```mermaid\n[^`]* {2}section download\n[^`]* {2}section unpack\n[^`]*^```$/gm),
  ).toHaveLength(2)
})

it('a step that went well says nothing, unless it is to', async () => {
  const result = await run(restoring(project))
  expectRestored(result)
  expect(result.summary).toBe('')
})

it('a request that was repeated is told of, with what the server said', async () => {
  let failures = 0
  project.fault = () => (failures++ === 0 ? { status: 503 } : undefined)
  const { summary } = await run(restoring(project, { inputs: { retries: '2' } }))
  expect(summary).toMatch(/^Repeated 1 request:\n- 1 x \*\*SERVER_ERROR\*\* `[^`]*503[^`]*`$/m)
})

it('a step that fails says with what, and what to do', async () => {
  project.fault = () => ({ status: 404 })
  const { summary, exitCode } = await run(restoring(project))
  expect(exitCode).toBe(1)
  expect(headingsIn(summary)).toEqual([
    expect.stringMatching(/^### Could not check out `octo\/project`, after [\d.]+ m?s$/),
  ])
  expect(summary).toMatch(/^> \*\*NOT_FOUND\*\* `.*`$/m)
  expect(summary).toContain('**What to do:**')
  const never = await run(restoring(project, { inputs: { summary: 'never' } }))
  expect(never.summary).toBe('')
})

it('a secret in an address is not in the summary', async () => {
  const url = `${project.server.url}${project.server.snapshotPath('octo/project')}?signature=abcdef123456`
  const { summary } = await run(restoring(project, { inputs: { server: '', url, summary: 'always' } }))
  expect(summary).toContain(`from a snapshot at \`${new URL(url).host}\``)
  expect(summary).not.toContain('abcdef123456')
})
