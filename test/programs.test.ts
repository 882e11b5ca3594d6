import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { commandFor, findProgram, requirePrograms } from '../src/programs.ts'
import { temporary } from './support/temporary.ts'

const SUFFIX = process.platform === 'win32' ? '.exe' : ''

let first: string
let second: string

beforeEach(() => {
  first = temporary()
  second = temporary()
})

function program(directory: string, name: string): string {
  const file = join(directory, `${name}${SUFFIX}`)
  writeFileSync(file, '')
  chmodSync(file, 0o755)
  return file
}

function both(): Record<string, string> {
  return { PATH: [first, '', second].join(delimiter) }
}

describe('a program that is needed', () => {
  it('may be in any directory of the PATH', async () => {
    program(first, 'tar')
    program(second, 'zstd')
    await requirePrograms(['tar', 'zstd'], both())
  })

  it.each(['PATH', 'Path', 'path'])(
    'is an .exe on Windows, which may write the name so: %s',
    async (name) => {
      writeFileSync(join(first, 'git'), '', { mode: 0o755 })
      writeFileSync(join(second, 'git.exe'), '', { mode: 0o755 })
      const env = { [name]: [first, second].join(delimiter) }
      expect(await findProgram('git', env, 'windows')).toBe(join(second, 'git.exe'))
    },
  )

  it('is not looked for in directories that depend on where one is', async () => {
    const relativePath = relative(process.cwd(), first)
    program(first, 'git')
    expect(await findProgram('git', { PATH: [relativePath, '.', ''].join(delimiter) })).toBeUndefined()
  })

  it('is started on Windows by its full path, as a bare name is looked for in the working directory first', async () => {
    writeFileSync(join(second, 'git.exe'), '', { mode: 0o755 })
    expect(await commandFor('git', { PATH: second }, 'windows')).toBe(join(second, 'git.exe'))
    expect(await commandFor('git', { PATH: first }, 'windows')).toBeUndefined()
    expect(await commandFor('git', { PATH: first }, 'posix')).toBe('git')
  })

  it('is missed by its name', async () => {
    program(first, 'tar')
    await expect(requirePrograms(['tar', 'zstd'], both())).rejects.toMatchObject({
      code: 'PROGRAM_MISSING',
      message: 'zstd is needed on the PATH and was not found: install it',
    })
  })

  it.each([undefined, '', delimiter])('is missed where the PATH is %j', async (path) => {
    await expect(requirePrograms(['sh'], { PATH: path })).rejects.toMatchObject({ code: 'PROGRAM_MISSING' })
  })

  it.skipIf(process.platform === 'win32')('is no file that may not be run, and no directory', async () => {
    chmodSync(program(first, 'tar'), 0o644)
    mkdirSync(join(second, 'tar'))
    await expect(requirePrograms(['tar'], both())).rejects.toMatchObject({ code: 'PROGRAM_MISSING' })
  })
})
