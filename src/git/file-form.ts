import { settingsHere } from './config-file.ts'
import type { Git } from './git.ts'

/** How git puts the files of a commit into a tree on this machine. */
export interface FileForm {
  /** `converted`: text may get other line ends than the commit has. */
  readonly lineEnds: 'kept' | 'converted'
  /** `files`: what a link points to is written into a file. */
  readonly symlinks: 'links' | 'files'
}

/** By all settings that apply to this repository. */
export async function fileFormIn(git: Git): Promise<FileForm> {
  return fileFormBy(new Map(await settingsHere(git)))
}

/** As git reads these settings. Attributes only matter to line ends where these let them. */
export function fileFormBy(
  settings: ReadonlyMap<string, string>,
  platform: NodeJS.Platform = process.platform,
): FileForm {
  return {
    lineEnds: writesCarriageReturns(settings, platform) ? 'converted' : 'kept',
    symlinks: isFalse(settings.get('core.symlinks') ?? 'true') ? 'files' : 'links',
  }
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
