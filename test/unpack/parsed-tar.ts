import { expect } from 'vitest'
import { type TarEntry, TarParser } from '../../src/unpack/tar.ts'
import { pieces, refusalOf } from './fixture.ts'

/** A member and its content. */
export type Member = TarEntry & { readonly body: string }

/** The members of an archive given in pieces. */
export function parse(bytes: Buffer, cuts: readonly number[] = []): Member[] {
  const parser = new TarParser()
  const members: { entry: TarEntry; body: Buffer[] }[] = []
  for (const piece of pieces(bytes, cuts)) {
    for (const event of parser.push(piece)) {
      if (event.kind === 'entry') members.push({ entry: event.entry, body: [] })
      else {
        expect(event.end).toBeGreaterThan(event.start)
        members.at(-1)?.body.push(piece.subarray(event.start, event.end))
      }
    }
  }
  parser.end()
  return members.map(({ entry, body }) => ({ ...entry, body: Buffer.concat(body).toString('latin1') }))
}

/** Expects the same error whether the archive comes in one piece or byte by byte. */
export function expectRefused(bytes: Buffer, code: string, words = ''): void {
  expect(refusalOf(parse, bytes)).toMatchObject({ code, message: expect.stringContaining(words) })
}

/** Members as they are parsed. */
export const file = (path: string, body = '', executable = false): Member => ({
  kind: 'file',
  path,
  target: '',
  size: body.length,
  executable,
  body,
})
export const directory = (path: string): Member => ({ ...file(path), kind: 'directory' })
export const symlink = (path: string, target: string): Member => ({ ...file(path), kind: 'symlink', target })
export const hardlink = (path: string, target: string): Member => ({
  ...file(path),
  kind: 'hardlink',
  target,
})
