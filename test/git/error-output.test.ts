import { describe, expect, it } from 'vitest'
import { ErrorOutput } from '../../src/git/error-output.ts'

function failureOf(said: string): string {
  const output = new ErrorOutput(undefined)
  output.push(Buffer.from(said))
  return output.failure('git fetch failed (exit code 128)').message
}

describe('the error of a git that failed', () => {
  it("has the end of the fetch's words, and nothing of its progress meter", () => {
    const meter = [
      'remote: Enumerating objects: 48, done.        \r\n',
      ...[2, 50, 100].map((percent) => `remote: Counting objects: ${percent}% (${percent}/100)        \r`),
      'remote: Counting objects: 100% (100/100), done.        \n',
      'remote: Compressing objects: 100% (3/3), done.\n',
      'remote: Total 48 (delta 0), reused 0 (delta 0)\n',
      ...[7, 13].map((percent) => `Receiving objects: ${percent}% (${percent}/100)\r`),
    ]
    expect(failureOf(`${meter.join('')}error: RPC failed\nfatal: early EOF\n`)).toBe(
      'git fetch failed (exit code 128): error: RPC failed fatal: early EOF',
    )
  })

  it("has the remote's last words where there are no others", () => {
    expect(failureOf('remote: Counting objects: 1% (1/9)\rremote: Counting objects: 9% (9/9)')).toBe(
      'git fetch failed (exit code 128): remote: Counting objects: 9% (9/9)',
    )
  })

  it.each([
    "fatal: sha1 file '/w/.git/objects/pack/tmp_pack_x' write error. Out of diskspace",
    'error: unable to write file src/main.ts',
    'fatal: write error: No space left on device',
  ])('is one of the disk where git says: %s', (said) => {
    const output = new ErrorOutput(undefined)
    output.push(Buffer.from(`${said}\n`))
    expect(output.failure('git checkout failed (exit code 1)').code).toBe('WRITE_FAILED')
  })
})
