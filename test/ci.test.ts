import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporary } from './support/temporary.ts'

const script = join(import.meta.dirname, '../.ci/count-tests.mjs')

interface FileResult {
  readonly status: string
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
}

async function count(...testResults: readonly FileResult[]): Promise<{ code: number; lines: string[] }> {
  const report = join(temporary(), 'tests.json')
  await writeFile(report, JSON.stringify({ testResults }))
  return new Promise((done) => {
    const child = execFile(process.execPath, [script, report], (_, stdout) => {
      done({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') })
    })
  })
}

function file(
  status: string,
  ...tests: readonly (readonly [status: string, fullName: string])[]
): FileResult {
  return { status, assertionResults: tests.map(([outcome, fullName]) => ({ status: outcome, fullName })) }
}

describe('the counts that close a CI run', () => {
  it('are fine where everything passed', async () => {
    expect(
      await count(file('passed', ['passed', 'a'], ['passed', 'b']), file('passed', ['passed', 'c'])),
    ).toEqual({
      code: 0,
      lines: ['3 passed, 0 failed, 0 skipped'],
    })
  })

  it('let tests of cachewd and of exFAT be skipped, and no other', async () => {
    const words = ['against cachewd restores', 'restores to an exFAT disk']
    const allowed = file('passed', ['passed', 'a'], ...words.map((word) => ['skipped', word] as const))
    expect(await count(allowed)).toEqual({ code: 0, lines: ['1 passed, 0 failed, 2 skipped'] })
    expect(await count(allowed, file('passed', ['pending', 'needs nginx'], ['todo', 'later']))).toEqual({
      code: 1,
      lines: [
        'skipped, but may not be: needs nginx',
        'skipped, but may not be: later',
        '1 passed, 0 failed, 4 skipped',
      ],
    })
  })

  it('count a failed test, and a file that could not be loaded', async () => {
    expect(await count(file('failed', ['failed', 'a'], ['passed', 'b']), file('failed'))).toEqual({
      code: 1,
      lines: ['1 passed, 2 failed, 0 skipped'],
    })
  })
})
