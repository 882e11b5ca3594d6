import { ActionError } from '../errors.ts'
import type { Git } from './git.ts'

/** The first git that takes settings from its environment (GIT_CONFIG_COUNT), which is the way for secrets. */
const LEAST = { major: 2, minor: 31 } as const

/** Rejects where git is missing or too old. Any directory's git will do. */
export async function requireGit(git: Git): Promise<void> {
  const said = (await git.run(['version'])).trim()
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(said) ?? []
  if (Number(major) > LEAST.major || (Number(major) === LEAST.major && Number(minor) >= LEAST.minor)) return
  const least = `${LEAST.major}.${LEAST.minor}`
  const message = `git ${least} or newer is needed, and the one on the PATH says "${said}": install a newer git`
  throw new ActionError('GIT_MISSING', message)
}
