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

/**
 * Whether all that a commit's tree names is there, but for what the origin has promised to a partial clone. A blob's
 * bytes are not looked at, nor is any other commit.
 */
export async function isComplete(git: Git, commit: string, contents: 'whole' | 'partial'): Promise<boolean> {
  const promised = contents === 'partial' ? ['--exclude-promisor-objects'] : []
  // A graph that came with the clone could name another tree than the commit does.
  const config = { 'core.commitGraph': 'false' }
  return git.succeeds(['rev-list', '--objects', '--quiet', '--no-walk', ...promised, commit], { config })
}
