import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DotGit } from './dotgit.ts'
import { type Environment, gitIn } from './git.ts'

export interface ConfigSource {
  /** What probeConfig gave. */
  readonly probedConfig: string
  /** `https://host/owner/repo`, without `.git`, as actions/checkout writes it. */
  readonly remoteUrl: string
}

/**
 * The `[core]` that `git init` writes for this file system, as text. Makes `directory`, which must not exist
 * and lies beside the tree, and removes it.
 */
export async function probeConfig(
  directory: string,
  place: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<string> {
  await mkdir(directory)
  try {
    const config = { 'init.defaultObjectFormat': 'sha1', 'init.defaultRefFormat': 'files' }
    await gitIn(directory, place).run(['init', '--quiet', '--template='], { config })
    return await readFile(join(directory, '.git', 'config'), 'latin1')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * The whole `.git/config`, latin1 text of its bytes: what `git clone` writes, and no garbage collection while
 * a job works.
 */
export function freshConfig({ objectFormat, refFormat, branch }: DotGit, source: ConfigSource): string {
  const extensions = [
    ...(objectFormat === 'sha256' ? ['\tobjectformat = sha256\n'] : []),
    ...(refFormat === 'reftable' ? ['\trefstorage = reftable\n'] : []),
  ]
  const plainCore = source.probedConfig
  const core =
    extensions.length === 0
      ? plainCore
      : `${plainCore.replace(/(?<=repositoryformatversion = )0/, '1')}[extensions]\n${extensions.join('')}`
  const remote = Buffer.from(source.remoteUrl, 'utf8').toString('latin1')
  return [
    core,
    `[remote "origin"]\n\turl = ${quoted(remote)}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`,
    '[gc]\n\tauto = 0\n',
    branch === undefined ? '' : branchSection(branch),
  ].join('')
}

/** The upstream of a branch, as `git clone` sets it; `branch` is latin1 of its raw bytes. */
export function branchSection(branch: string): string {
  const merge = quoted(`refs/heads/${branch}`)
  return `[branch ${subsection(branch)}]\n\tremote = origin\n\tmerge = ${merge}\n`
}

function subsection(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

/** A value git reads back as it is, whatever it holds. */
function quoted(value: string): string {
  if (/^[\w:/.@+~%-]+$/.test(value)) return value
  const escaped = value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
  return `"${escaped}"`
}
