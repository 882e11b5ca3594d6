import { existsSync, type PathLike, readFileSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { renamePatiently } from '../src/patient-rename.ts'
import { temporary } from './support/temporary.ts'

let from: string
let to: string

beforeEach(() => {
  const directory = temporary()
  from = join(directory, 'from')
  to = join(directory, 'to')
  writeFileSync(from, 'content')
})

/** A disk that refuses so often, as Windows does while somebody has the file open. */
function refusing(code: string, times: number) {
  const asked: PathLike[] = []
  const attempt = async (...names: [PathLike, PathLike]): Promise<void> => {
    asked.push(names[0])
    if (asked.length <= times) throw Object.assign(new Error(code), { code })
    await rename(...names)
  }
  return { asked, rename: attempt }
}

const delaysMs = [1, 1, 1]

describe('a rename', () => {
  it.each(['EPERM', 'EACCES', 'EBUSY'])(
    'is tried again where somebody has the file open: %s',
    async (code) => {
      const disk = refusing(code, delaysMs.length)
      await renamePatiently(from, to, { ...disk, delaysMs })
      expect(readFileSync(to, 'utf8')).toBe('content')
      expect(disk.asked).toHaveLength(delaysMs.length + 1)
    },
  )

  it('fails at last', async () => {
    const disk = refusing('EPERM', 100)
    await expect(renamePatiently(from, to, { ...disk, delaysMs })).rejects.toMatchObject({ code: 'EPERM' })
    expect(disk.asked).toHaveLength(delaysMs.length + 1)
    expect(existsSync(from)).toBe(true)
  })

  it('fails at once for another reason', async () => {
    const disk = refusing('ENOENT', 1)
    await expect(renamePatiently(from, to, { ...disk, delaysMs })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(disk.asked).toHaveLength(1)
  })

  it.skipIf(process.platform === 'win32')('is tried once where open files are no hindrance', async () => {
    const disk = refusing('EPERM', 1)
    await expect(renamePatiently(from, to, disk)).rejects.toMatchObject({ code: 'EPERM' })
  })
})
