import { expect, it } from 'vitest'
import type { Contestant } from '../../bench/contestants.ts'
import { runRounds } from '../../bench/rounds.ts'

function recorded(ran: string[], name: string, fails: () => boolean = () => false): Contestant {
  let runs = 0
  return {
    name,
    run: async () => {
      ran.push(name)
      if (fails()) throw new Error('it broke')
      return { wallMs: runs++ }
    },
  }
}

function options(pairs: number, signal = new AbortController().signal) {
  return { pairs, signal, log: () => {} }
}

it('lets all run in turns, and does not count the first round', async () => {
  const ran: string[] = []
  const { entrants } = await runRounds([recorded(ran, 'a'), recorded(ran, 'b')], options(2))
  expect(ran).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
  const samples = [{ wallMs: 1 }, { wallMs: 2 }]
  expect(entrants).toEqual([
    { name: 'a', samples },
    { name: 'b', samples },
  ])
})

it('goes on without who failed, and says why', async () => {
  const ran: string[] = []
  const failing = recorded(ran, 'b', () => ran.length > 3)
  const { entrants, failed } = await runRounds([recorded(ran, 'a'), failing], options(3))
  expect(ran).toEqual(['a', 'b', 'a', 'b', 'a', 'a'])
  expect(entrants.map(({ name }) => name)).toEqual(['a'])
  expect(failed).toEqual([{ name: 'b', why: 'it broke' }])
})

it('stops when it is told to', async () => {
  const stopped = new AbortController()
  const ran: string[] = []
  const stopping = recorded(ran, 'a', () => {
    stopped.abort(new Error('stopped'))
    return true
  })
  await expect(runRounds([stopping, recorded(ran, 'b')], options(2, stopped.signal))).rejects.toThrow(
    'stopped',
  )
  expect(ran).toEqual(['a'])
})
