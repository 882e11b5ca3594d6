import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { ProcessGroup } from '../../src/git/process-group.ts'

it('where there are no process groups, all that a process has started is ended by its number', async () => {
  const leader = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const closed = once(leader, 'close')
  const abort = new AbortController()
  const ended: number[] = []
  const endTree = (pid: number): void => {
    ended.push(pid)
    process.kill(pid, 'SIGKILL')
  }
  const group = new ProcessGroup(leader, { signal: abort.signal, endTree })
  abort.abort()
  expect(await closed).toEqual([null, 'SIGKILL'])
  group.release()
  expect(ended).toEqual([leader.pid])
})
