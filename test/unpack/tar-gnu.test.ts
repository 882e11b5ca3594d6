import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { skipWithout } from '../support/programs.ts'
import { temporary } from '../support/temporary.ts'
import { anyCuts, everyBytes, sampleBytes } from './fixture.ts'
import { directory, expectRefused, file, hardlink, type Member, parse, symlink } from './parsed-tar.ts'

const LONG_DIRECTORY = `./${'d'.repeat(60)}`
const LONG = `${LONG_DIRECTORY}/${'f'.repeat(90)}`
const SIZES = [0, 1, 511, 512, 513, 1023, 1024, 1025, 10_240, 20_001]

interface Sample {
  readonly place: string
  /** What it holds, in the order of their names. */
  readonly members: readonly Member[]
}

/** A directory of all that a tree may hold; without names of over 100 bytes where `short`. */
function sampleTree({ short }: { readonly short: boolean }): Sample {
  const place = temporary()
  const members: Member[] = [directory('./')]
  const write = (path: string, body: string, executable = false): void => {
    const name = Buffer.from(`${place}/${path.slice(2)}`, 'latin1')
    writeFileSync(name, Buffer.from(body, 'latin1'), { mode: executable ? 0o755 : 0o644 })
    members.push(file(path, body, executable))
  }
  mkdirSync(join(place, 'sizes'))
  members.push(directory('./sizes/'))
  for (const size of SIZES) write(`./sizes/${size}`, sampleBytes(size, size).toString('latin1'))
  write('./run', '#!/bin/sh\n', true)
  write('./-rf', 'a name that looks like an option')
  write('./sp ace\nline\x1b"', 'odd')
  write('./\xff\xfe not UTF-8', 'bytes')
  write(`./${Buffer.from('日本é').toString('latin1')}`, 'unicode')
  symlinkSync('../no\nwhere', join(place, 'dangling'))
  members.push(symlink('./dangling', '../no\nwhere'))
  linkSync(join(place, 'run'), join(place, 'run2'))
  members.push(hardlink('./run2', './run'))
  mkdirSync(join(place, 'empty'))
  members.push(directory('./empty/'))
  if (short) return { place, members }
  mkdirSync(join(place, LONG_DIRECTORY))
  members.push(directory(`${LONG_DIRECTORY}/`))
  write(LONG, 'long', true)
  symlinkSync('t'.repeat(300), join(place, LONG_DIRECTORY, 'to'))
  members.push(symlink(`${LONG_DIRECTORY}/to`, 't'.repeat(300)))
  linkSync(join(place, LONG), join(place, 'link'))
  members.push(hardlink('./link', LONG))
  return { place, members }
}

/** What GNU tar makes of it; its names in the order of the members. */
function gnuTar({ place, members }: Sample, ...args: string[]): Buffer {
  const names = Buffer.from(members.map(({ path }) => `${path}\0`).join(''), 'latin1')
  const options = [...args, '--no-recursion', '--null', '--verbatim-files-from', '-T', '-']
  return execFileSync('tar', ['-cpf', '-', '-C', place, ...options], { input: names, maxBuffer: 2 ** 28 })
}

describe('an archive of GNU tar', () => {
  it.for([
    { args: [], short: false },
    { args: ['--format=gnu'], short: false },
    { args: ['--format=oldgnu'], short: false },
    { args: ['--format=pax'], short: false },
    { args: ['--format=posix', '--pax-option=delete=mtime'], short: false },
    { args: ['--format=ustar'], short: true },
    { args: ['--format=v7'], short: true },
    { args: ['--format=gnu', '--numeric-owner', '--owner=4294967295'], short: true },
    { args: ['--format=gnu', '--mtime=@-100000'], short: true },
    { args: ['--format=gnu', '--blocking-factor=1'], short: true },
  ])('holds what the directory does: $args', ({ args, short }, context) => {
    skipWithout(context, 'tar')
    const sample = sampleTree({ short })
    const bytes = gnuTar(sample, ...args)
    expect(parse(bytes)).toEqual(sample.members)
    const cutAnywhere = fc.property(anyCuts(bytes.length, 100), (cuts) => {
      expect(parse(bytes, cuts)).toEqual(sample.members)
    })
    fc.assert(cutAnywhere, { numRuns: 30 })
    for (const size of [1, 7, 511, 512, 513]) {
      expect(parse(bytes, everyBytes(bytes.length, size))).toEqual(sample.members)
    }
  })

  it('holds what the directory does, as tar itself finds it', (context) => {
    skipWithout(context, 'tar')
    const { place, members } = sampleTree({ short: false })
    const bytes = execFileSync('tar', ['-cpf', '-', '-C', place, '.'], { maxBuffer: 2 ** 28 })
    const found = parse(bytes)
    const listed = execFileSync('tar', ['-t', '--quoting-style=literal', '--null', '-f', '-'], {
      input: bytes,
    })
    // With --null the names end in newlines all the same: they are compared as one text.
    expect(`${found.map(({ path }) => path).join('\n')}\n`).toBe(listed.toString('latin1'))
    expect(found).toHaveLength(members.length)
  })

  it('may split a long name into a prefix', (context) => {
    skipWithout(context, 'tar')
    const { place } = sampleTree({ short: false })
    const bytes = gnuTar({ place, members: [file(LONG, 'long', true)] }, '--format=ustar')
    expect(parse(bytes)).toEqual([file(LONG, 'long', true)])
  })

  it.each([
    ['sparse', ['--sparse', '--format=gnu'], '"S"'],
    ['sparse in pax', ['--sparse', '--format=pax'], 'sparse'],
    ['incremental', ['--incremental'], '"D"'],
    ['with a label', ['--label=name'], '"V"'],
  ])('is refused that is %s', (_, args, words) => {
    const place = temporary()
    execFileSync('truncate', ['-s', '1M', join(place, 'hole')])
    const bytes = execFileSync('tar', [...args, '-cpf', '-', '-C', place, '.'], { maxBuffer: 2 ** 28 })
    expectRefused(bytes, 'CORRUPT_ARCHIVE', words)
  })
})
