import { describe, expect, it } from 'vitest'
import { StepLog } from '../../src/report/step-log.ts'
import type { StageName } from '../../src/report/timeline.ts'

function written() {
  const lines: string[] = []
  const log = new StepLog({
    line: (text) => lines.push(text),
    warning: (text, title) => lines.push(`warning ${title}: ${text}`),
    openGroup: (title) => lines.push(`> ${title}`),
    closeGroup: () => lines.push('<'),
  })
  const end = (stage: StageName, endMs: number, what?: string) =>
    log.ended({ stage, startMs: 0, endMs }, what)
  return { lines, log, end }
}

describe('the log of a step', () => {
  it('has one group after the other, in which the stages tell what they did', () => {
    const { lines, log, end } = written()
    log.begun('find commit')
    end('find commit', 12.3, 'refs/heads/main is 0123456')
    log.begun('open')
    end('open', 1234)
    log.begun('download')
    log.begun('git')
    log.line('a word')
    log.begun('check out')
    end('git', 5)
    log.close()
    expect(lines).toEqual([
      ...['> Find the commit', 'find commit: refs/heads/main is 0123456 (12 ms)', '<'],
      ...['> Restore the snapshot', 'open (1.2 s)', 'a word', '<'],
      ...['> Check out', 'git (5 ms)', '<'],
    ])
  })

  it('has warnings outside of groups', () => {
    const { lines, log } = written()
    log.begun('open')
    log.warn('no snapshot', 'NOT_FOUND')
    log.warn('again', 'STALLED')
    log.begun('fetch')
    log.close()
    expect(lines).toEqual([
      ...['> Restore the snapshot', '<', 'warning NOT_FOUND: no snapshot', 'warning STALLED: again'],
      ...['> Fetch from the GitHub server', '<'],
    ])
  })

  it('goes on in its group where a stage begins again', () => {
    const { lines, log } = written()
    log.begun('open')
    log.begun('download')
    log.begun('open')
    log.close()
    expect(lines).toEqual(['> Restore the snapshot', '<'])
  })

  it('has no group that could stay open once it is closed', () => {
    const { lines, log, end } = written()
    log.close()
    log.begun('open')
    end('open', 1)
    log.line('late')
    log.close()
    expect(lines).toEqual(['late'])
  })
})
