import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
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

it.runIf(existsSync('/proc/self'))(
  'what ignores that it is to end, and holds no pipe, ends with its leader',
  async () => {
    const deaf = `(trap '' TERM; echo $BASHPID; exec sleep 600 >/dev/null 2>&1 </dev/null)`
    const leader = spawn('bash', ['-c', `${deaf} & wait`], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const closed = once(leader, 'close')
    const abort = new AbortController()
    const group = new ProcessGroup(leader, { signal: abort.signal, endTree: undefined })
    const [pid] = await once(leader.stdout, 'data')
    abort.abort()
    expect(await closed).toEqual([null, 'SIGTERM'])
    expect(isRunning(Number(pid))).toBe(true)
    group.release()
    await expect.poll(() => isRunning(Number(pid))).toBe(false)
  },
)

/** One that has ended may stay in the table as a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
