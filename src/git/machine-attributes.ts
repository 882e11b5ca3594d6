import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Environment } from '../environment.ts'

/** Whether git on this machine has attributes for all repositories, beside those that they bring. */
export async function hasMachineAttributes(
  settings: ReadonlyMap<string, string>,
  env: Environment,
): Promise<boolean> {
  const found = await Promise.all(attributeFiles(settings, env).map(mayHaveContent))
  return found.includes(true)
}

/**
 * Where git looks for them (attr.c). The system's file is that of a git in `/usr`. Windows has one too, which comes with
 * git and only says how to compare documents.
 */
export function attributeFiles(
  settings: ReadonlyMap<string, string>,
  env: Environment,
  platform: NodeJS.Platform = process.platform,
): readonly string[] {
  const home = env.HOME || homedir()
  const configs = env.XDG_CONFIG_HOME || join(home, '.config')
  const file = settings.get('core.attributesfile') ?? join(configs, 'git', 'attributes')
  const users = file.startsWith('~/') ? join(home, file.slice(2)) : file
  return [users, ...(platform === 'win32' ? [] : ['/etc/gitattributes'])].filter((path) => path !== '')
}

/** A path that only git can tell counts as one of a file. One that cannot be looked at, git cannot read either. */
async function mayHaveContent(path: string): Promise<boolean> {
  if (!isAbsolute(path)) return true
  return stat(path).then(
    ({ size }) => size > 0,
    () => false,
  )
}
