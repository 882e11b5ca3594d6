import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { git, gitBytes } from './git-repo.ts'

/** One line for everything below a directory: path (latin1), mode, and the content's hash or the link's target. */
export function listTree(directory: string, options: { readonly without?: string } = {}): string[] {
  const lines: string[] = []
  const visit = (path: Buffer, name: string): void => {
    const stats = lstatSync(path)
    const mode = (stats.mode & 0o7777).toString(8)
    if (stats.isSymbolicLink()) lines.push(`${name} -> ${readlinkSync(path, 'latin1')}`)
    else if (stats.isFile()) lines.push(`${name} ${mode} ${stats.size} ${hashOf(readFileSync(path))}`)
    else if (!stats.isDirectory()) lines.push(`${name} is no file`)
    else {
      if (name !== '.') lines.push(`${name}/ ${mode}`)
      for (const child of readdirSync(path, { encoding: 'latin1' }).sort()) {
        if (name === '.' && child === options.without) continue
        visit(Buffer.concat([path, Buffer.from(`/${child}`, 'latin1')]), `${name}/${child}`)
      }
    }
  }
  visit(Buffer.from(directory), '.')
  return lines
}

/**
 * A clone as git itself makes it, of what a snapshot was made of, with the refs that a job sees: the branch that is
 * checked out, and nothing else.
 */
export async function cloneOf(upstream: { readonly directory: string }, place: string): Promise<string> {
  await git(place, 'clone', '--quiet', upstream.directory, 'clone')
  const clone = join(place, 'clone')
  const head = await git(clone, 'rev-parse', '--symbolic-full-name', 'HEAD@{upstream}')
  const refs = (await git(clone, 'for-each-ref', '--format=%(refname)', 'refs/remotes', 'refs/tags')).split(
    '\n',
  )
  for (const ref of refs) if (ref !== head) await git(clone, 'update-ref', '--no-deref', '-d', ref)
  return clone
}

/**
 * Expects a restored tree to be what `git clone` gives: every file's bytes and mode, links, refs, HEAD, index,
 * objects and configuration (its remote has `remoteUrl`, garbage collection is off, and where the token lies may be
 * said), with a clean status.
 */
export async function expectSameAsClone(
  restored: string,
  clone: string,
  remoteUrl = 'https://github.com/octo/project',
): Promise<void> {
  // Compared in one piece: a difference of two lists of 47,000 lines would take a minute to print.
  const [theirs, ours] = [clone, restored].map((tree) => listTree(tree, { without: '.git' }))
  const differences = ours?.filter((line, index) => line !== theirs?.[index]).slice(0, 20)
  expect(differences).toEqual([])
  expect(ours?.length).toBe(theirs?.length)
  for (const args of [
    ['for-each-ref', '--format=%(refname) %(objectname) %(symref)'],
    ['symbolic-ref', '-q', 'HEAD'],
    ['rev-parse', 'HEAD', 'HEAD^{tree}'],
  ]) {
    expect(await git(restored, ...args)).toBe(await git(clone, ...args))
  }
  expect(hashOf(await git(restored, 'ls-files', '--stage', '-z'))).toBe(
    hashOf(await git(clone, 'ls-files', '--stage', '-z')),
  )
  const expected = new Map([...(await configOf(clone)), ['remote.origin.url', remoteUrl], ['gc.auto', '0']])
  const settings = [...(await configOf(restored))].filter(([key]) => !key.startsWith('includeif.'))
  expect(new Map(settings)).toEqual(expected)
  expect(await staleFiles(restored)).toEqual([])
  expect(await git(restored, 'status', '--porcelain', '--ignored')).toBe('')
  expect(await git(restored, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('')
}

/**
 * The files that git has to read again: the index has other stat data than the disk, or is not younger than they
 * are. Asked before any command that refreshes the index.
 */
async function staleFiles(tree: string): Promise<string[]> {
  const changed = (await git(tree, 'diff-files', '--name-only', '-z')).split('\0')
  const indexSecond = secondOf(join(tree, '.git', 'index'))
  const tracked = (await gitBytes(tree, ['ls-files', '-z'])).toString('latin1').split('\0')
  const isRacy = (name: string) =>
    name !== '' &&
    secondOf(Buffer.from(`${Buffer.from(tree).toString('latin1')}/${name}`, 'latin1')) >= indexSecond
  return [...changed, ...tracked.filter(isRacy)].filter((name) => name !== '')
}

function secondOf(path: string | Buffer): number {
  return Math.floor(lstatSync(path).mtimeMs / 1000)
}

async function configOf(tree: string): Promise<Map<string, string>> {
  const entries = (await git(tree, 'config', '--local', '--list', '-z')).split('\0').filter(Boolean)
  return new Map(entries.map((entry) => [entry.split('\n', 1).join(), entry.slice(entry.indexOf('\n') + 1)]))
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
