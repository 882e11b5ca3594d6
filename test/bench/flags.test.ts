import { expect, it } from 'vitest'
import { BadFlags, HELP, parseFlags } from '../../bench/flags.ts'

const NAMES = ['files', 'history']

it('runs all cases with five pairs where nothing is said', () => {
  expect(parseFlags([], NAMES)).toEqual({
    cases: [],
    pairs: 5,
    isQuick: false,
    repository: undefined,
    json: undefined,
    updatesBaseline: false,
    writesReadme: false,
    wants: 'run',
  })
})

it('takes several cases, a number of pairs, a repository and a file', () => {
  const args = [
    '--case',
    'history',
    '--case=files',
    '--pairs',
    '9',
    '--repository',
    '../here',
    '--json',
    'out.json',
  ]
  expect(parseFlags(args, NAMES)).toMatchObject({
    cases: ['history', 'files'],
    pairs: 9,
    repository: '../here',
    json: 'out.json',
  })
})

it('makes more pairs for the quick run, unless told how many', () => {
  expect(parseFlags(['--quick'], NAMES).pairs).toBeGreaterThan(5)
  expect(parseFlags(['--quick', '--pairs', '2'], NAMES).pairs).toBe(2)
})

it.each([['--list', 'list'] as const, ['--help', 'help'] as const])('understands %s', (flag, wants) => {
  expect(parseFlags([flag], NAMES).wants).toBe(wants)
})

it.each([
  [['--pairs', '0'], '--pairs is a whole number from 1 to 100, not "0"'],
  [['--pairs', '1e1'], '--pairs is a whole number from 1 to 100, not "1e1"'],
  [['--case', 'nothing'], 'there is no case "nothing"; the cases are files, history'],
  [['--fast'], "Unknown option '--fast' (--help tells the flags)"],
  [['files'], "Unexpected argument 'files' (--help tells the flags)"],
  [['--quick', '--case', 'files'], '--quick has a case and a repository of its own'],
  [['--update-baseline'], '--update-baseline goes with --quick'],
  [['--readme', '--case', 'files'], '--readme needs all cases'],
])('refuses %j in words', (args, words) => {
  const parse = () => parseFlags(args, NAMES)
  expect(parse).toThrow(BadFlags)
  expect(parse).toThrow(words)
})

it('tells every flag', () => {
  const told = [...HELP.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag]) => flag)
  expect(told).toEqual([
    ...[
      '--case',
      '--pairs',
      '--quick',
      '--update-baseline',
      '--repository',
      '--json',
      '--readme',
      '--list',
      '--help',
    ],
  ])
})
