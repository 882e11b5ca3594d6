import { appendFile } from 'node:fs/promises'
import { ActionError } from '../errors.ts'
import type { Git, GitOptions } from './git.ts'
import type { Setting } from './settings.ts'

/** What a config file itself sets, whatever it includes. Git lists keys with section and name in lower case. */
export function settingsOf(
  file: string,
  git: Git,
  which: readonly string[] = ['--list'],
): Promise<readonly Setting[]> {
  return listed(git, ['--file', file, '--no-includes', ...which])
}

/** What all configs set that apply to a repository. Of a key that is there twice, the last one counts. */
export function settingsHere(git: Git, options?: GitOptions): Promise<readonly Setting[]> {
  return listed(git, ['--list'], options)
}

async function listed(git: Git, which: readonly string[], options?: GitOptions): Promise<readonly Setting[]> {
  const printed = await git.run(['config', '--null', ...which], options)
  const entries = printed.split('\0').filter((entry) => entry !== '')
  return entries.map((entry): Setting => {
    const keyEnd = entry.indexOf('\n')
    return keyEnd === -1 ? [entry, 'true'] : [entry.slice(0, keyEnd), entry.slice(keyEnd + 1)]
  })
}

/** Adds to a config file that git or this action has written; what it has under the same keys stays. */
export async function addSettings(file: string, settings: readonly Setting[]): Promise<void> {
  await appendFile(file, settings.map(settingText).join(''))
}

/** One setting with its section, as text. */
function settingText([key, value]: Setting): string {
  const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')]
  const subsection = first === last ? '' : ` ${quotedSubsection(key.slice(first + 1, last))}`
  return `[${key.slice(0, first)}${subsection}]\n\t${key.slice(last + 1)} = ${quotedValue(value)}\n`
}

/** A subsection's name. Git cannot read back one with a line end. */
export function quotedSubsection(name: string): string {
  if (name.includes('\n'))
    throw new ActionError('GIT_FAILED', `git's config cannot name ${JSON.stringify(name)}`)
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

/** A value git reads back as it is, whatever it holds. */
export function quotedValue(value: string): string {
  if (/^[\w:/.@+~%-]+$/.test(value)) return value
  const escaped = value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
  return `"${escaped}"`
}
