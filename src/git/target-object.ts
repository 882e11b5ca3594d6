import type { Git } from './git.ts'
import type { Target } from './wanted.ts'

/**
 * The object that `revision` names, if that is what the target's ref has to name: the wanted commit, or a tag of
 * it. Undefined where it is not there, or is another.
 */
export async function targetObject(git: Git, target: Target, revision: string): Promise<string | undefined> {
  const input = Buffer.from(`${revision}\n${revision}^{commit}\n`)
  const output = await git.run(['cat-file', '--batch-check=%(objectname)'], { input })
  const [object = '', commit = ''] = output.split('\n')
  if (commit.endsWith(' missing')) return undefined
  return (target.kind === 'tag' ? commit : object) === target.commit ? object : undefined
}
