import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** What git is run with: nothing of the machine's or the user's configuration, one author. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? '',
  HOME: tmpdir(),
  XDG_CONFIG_HOME: devNull,
  LC_ALL: 'C',
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: '1',
  // A repository may be removed as soon as git has ended: nothing of it goes on in the background.
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'gc.auto',
  GIT_CONFIG_VALUE_0: '0',
  GIT_CONFIG_KEY_1: 'maintenance.auto',
  GIT_CONFIG_VALUE_1: 'false',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada Author',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada Author',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
}

/** One path of a commit; without content it is deleted. A symlink's content is its target. */
export type FileChange = {
  readonly path: string | Buffer
  readonly content?: string | Buffer
  readonly kind?: 'file' | 'executable' | 'symlink'
}

/** A bare repository on disk, as a git host has it. */
export type Upstream = {
  readonly directory: string
  readonly host: string
  /** `owner/name` */
  readonly repository: string
  /** Commits on top of a branch (default `main`) and returns the new commit. */
  readonly commit: (changes: readonly FileChange[], options?: CommitOptions) => Promise<string>
  /** Makes `refs/pull/N/head` and `refs/pull/N/merge` on top of `main` and returns both commits. */
  readonly pullRequest: (
    number: number,
    changes: readonly FileChange[],
  ) => Promise<{ head: string; merge: string }>
  readonly git: (...args: string[]) => Promise<string>
}

export type CommitOptions = { readonly branch?: string; readonly message?: string }

type Place = { readonly root: string; readonly host?: string; readonly repository?: string }

/** Runs git in a directory and returns what it printed, without the last line's end. */
export async function git(directory: string, ...args: string[]): Promise<string> {
  return (await gitBytes(directory, args)).toString().replace(/\n$/, '')
}

/** Runs git with bytes on its standard input and returns the bytes it printed. */
export async function gitBytes(directory: string, args: readonly string[], input?: Buffer): Promise<Buffer> {
  const options = { cwd: directory, env: gitEnvironment, maxBuffer: 1 << 30, encoding: 'buffer' as const }
  const running = promisify(execFile)('git', args, options)
  running.child.stdin?.on('error', () => {}) // git that ends early says why itself
  running.child.stdin?.end(input)
  return (await running).stdout
}

/**
 * A new bare repository `<root>/<host>/<owner>/<name>.git` whose `main` has one commit per list of
 * changes; by default `variedHistory()`.
 */
export async function makeUpstream(place: Place, history = variedHistory()): Promise<Upstream> {
  const upstream = upstreamAt(place)
  await mkdir(upstream.directory, { recursive: true })
  await upstream.git('init', '--quiet', '--bare', '--initial-branch=main')
  for (const changes of history) await upstream.commit(changes)
  return upstream
}

/** A bare clone of an existing repository at `<root>/<host>/<owner>/<name>.git`. */
export async function cloneUpstream(place: Place, source: string): Promise<Upstream> {
  const upstream = upstreamAt(place)
  await mkdir(dirname(upstream.directory), { recursive: true })
  await git(dirname(upstream.directory), 'clone', '--quiet', '--bare', source, upstream.directory)
  return upstream
}

/** Three commits with what makes trees hard: modes, links, long, strange and non-UTF-8 names, sizes. */
export function variedHistory(): FileChange[][] {
  const deep = `${'very/'.repeat(25)}deep/${'long-name-'.repeat(12)}.txt`
  return [
    [
      { path: 'README.md', content: '# A project\n' },
      { path: 'bin/run', content: '#!/bin/sh\necho run\n', kind: 'executable' },
      { path: 'src/main.ts', content: "console.log('hello')\n" },
      { path: 'src/empty.ts', content: '' },
      { path: 'src/old.ts', content: 'gone in the third commit\n' },
      { path: 'data/large.bin', content: patternBytes(1_500_000) },
      { path: 'data/\u00e9t\u00e9 \u{1f40e}.txt', content: 'unicode\n' },
      { path: 'data/-rf', content: 'a dash first\n' },
      { path: 'data/"quoted"\\ and\ttab', content: 'quoted\n' },
      { path: deep, content: 'deep down\n' },
      { path: 'link', content: 'src/main.ts', kind: 'symlink' },
      { path: 'src/up', content: '../README.md', kind: 'symlink' },
      { path: 'data/dangling', content: 'not/there', kind: 'symlink' },
      ...(process.platform === 'linux' ? [nonUtf8File()] : []),
    ],
    [
      { path: 'README.md', content: '# A project\n\nWith a second line.\n' },
      { path: 'src/many/a.ts', content: 'export const a = 1\n' },
      { path: 'src/many/b.ts', content: 'export const b = 2\n' },
    ],
    [{ path: 'src/old.ts' }, { path: 'src/new.ts', content: 'export const answer = 42\n' }],
  ]
}

/** Bytes in which no block is like another, so that a misplaced one cannot cancel out. */
export function patternBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let state = 1
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

function upstreamAt({ root, host = 'github.com', repository = 'octo/project' }: Place): Upstream {
  const directory = join(root, host, `${repository}.git`)
  const tip = async (ref: string) =>
    (await git(directory, 'for-each-ref', '--format=%(objectname)', ref)) || undefined
  return {
    directory,
    host,
    repository,
    git: (...args) => git(directory, ...args),
    commit: async (changes, { branch = 'main', message = 'Change some files' } = {}) => {
      const ref = `refs/heads/${branch}`
      return writeCommit(directory, { ref, parents: [await tip(ref)], message, changes })
    },
    pullRequest: async (number, changes) => {
      const base = await tip('refs/heads/main')
      const ref = `refs/pull/${number}`
      const head = await writeCommit(directory, {
        ref: `${ref}/head`,
        parents: [base],
        message: `Pull request ${number}`,
        changes,
      })
      const message = `Merge ${head} into ${base}`
      const merge = await writeCommit(directory, {
        ref: `${ref}/merge`,
        parents: [base, head],
        message,
        changes,
      })
      return { head, merge }
    },
  }
}

type NewCommit = {
  readonly ref: string
  readonly parents: readonly (string | undefined)[]
  readonly message: string
  readonly changes: readonly FileChange[]
}

async function writeCommit(directory: string, commit: NewCommit): Promise<string> {
  const parents = commit.parents.filter((parent) => parent !== undefined)
  const count = parents[0] === undefined ? 0 : Number(await git(directory, 'rev-list', '--count', parents[0]))
  const seconds = 1_700_000_000 + 60 * count
  const stream = [
    Buffer.from(`commit ${commit.ref}\ncommitter Ada Author <ada@example.com> ${seconds} +0000\n`),
    data(commit.message),
    ...parents.map((parent, index) => Buffer.from(`${index === 0 ? 'from' : 'merge'} ${parent}\n`)),
    ...commit.changes.flatMap(fastImportChange),
  ]
  await gitBytes(directory, ['fast-import', '--quiet', '--force'], Buffer.concat(stream))
  return git(directory, 'rev-parse', commit.ref)
}

const modes = { file: '100644', executable: '100755', symlink: '120000' }

function fastImportChange({ path, content, kind = 'file' }: FileChange): Buffer[] {
  if (content === undefined) return [Buffer.from(`D ${quoted(path)}\n`)]
  return [Buffer.from(`M ${modes[kind]} inline ${quoted(path)}\n`), data(content)]
}

function data(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')])
}

/** The path in git's C-style quotes, every byte in octal. */
function quoted(path: string | Buffer): string {
  return `"${[...Buffer.from(path)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`
}

function nonUtf8File(): FileChange {
  return { path: Buffer.from('data/latin-\xe9.txt', 'latin1'), content: 'bytes, not text\n' }
}
