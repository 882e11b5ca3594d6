import type { Environment } from '../environment.ts'
import { settingsHere } from './config-file.ts'
import type { Git, GitOptions } from './git.ts'
import { hasMachineAttributes } from './machine-attributes.ts'

/** How git puts the files of a commit into a tree on this machine. */
export interface FileForm {
  /** `converted`: files may get other bytes than the commit has, by what this machine has set. */
  readonly content: 'kept' | 'converted'
  /** `files`: what a link points to is written into a file. */
  readonly symlinks: 'links' | 'files'
}

/** By all that git on this machine, which runs with `env`, has for this repository before there are files. */
export async function fileFormIn(git: Git, env: Environment, options?: GitOptions): Promise<FileForm> {
  const settings = new Map(await settingsHere(git, options))
  const form = fileFormBy(settings)
  if (form.content === 'converted' || !(await hasMachineAttributes(settings, env))) return form
  return { ...form, content: 'converted' }
}

/** As git reads these settings. A repository's own attributes only matter where these let them. */
export function fileFormBy(
  settings: ReadonlyMap<string, string>,
  platform: NodeJS.Platform = process.platform,
): FileForm {
  return {
    content: hasFilter(settings) || writesCarriageReturns(settings, platform) ? 'converted' : 'kept',
    symlinks: isFalse(settings.get('core.symlinks') ?? 'true') ? 'files' : 'links',
  }
}

/** Git LFS does not count: its filter is told to leave pointers, and content comes later (`lfs.ts`). */
const FILTER = /^filter\.(?!lfs\.\w+$).+\.(smudge|process)$/

function hasFilter(settings: ReadonlyMap<string, string>): boolean {
  return [...settings.keys()].some((key) => FILTER.test(key))
}

function writesCarriageReturns(settings: ReadonlyMap<string, string>, platform: NodeJS.Platform): boolean {
  const automatic = settings.get('core.autocrlf')?.toLowerCase() ?? 'false'
  if (automatic === 'input') return false
  if (!isFalse(automatic)) return true
  const lineEnd = settings.get('core.eol')?.toLowerCase()
  return lineEnd === 'crlf' || (lineEnd !== 'lf' && platform === 'win32')
}

function isFalse(value: string): boolean {
  return /^(false|no|off|0*)$/i.test(value)
}
