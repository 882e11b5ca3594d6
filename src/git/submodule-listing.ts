import { join } from 'node:path'
import { settingsOf } from './config-file.ts'
import type { Git } from './git.ts'
import { gitlinks } from './index-listing.ts'
import { lstatOf } from './presence.ts'
import type { Setting } from './settings.ts'
import { areApart, isPlain } from './submodule-names.ts'

/** A working copy that may have submodules. */
export interface Superproject {
  readonly git: Git
  readonly tree: string
  /** That of a submodule lies elsewhere than in its tree. */
  readonly gitDirectory: string
}

export interface Submodule {
  readonly name: string
  /** In the superproject's tree, with slashes. */
  readonly path: string
  /** That the superproject's index has. */
  readonly commit: string
  /** As git writes it down, before any setting leads elsewhere. */
  readonly url: string
}

/** Each is compared with all others: whoever has more leaves them to git. */
const MOST = 1000

/**
 * The submodules that git would check out, as far as there is nothing odd about them; the others are for git's own
 * rules. What their addresses are git says, too: it has written them into the superproject's config then.
 */
export async function plainSubmodules(superproject: Superproject): Promise<readonly Submodule[]> {
  const { git, tree, gitDirectory } = superproject
  const commits = new Map((await gitlinks(git)).map(({ path, commit }) => [path, commit]))
  const modules = join(tree, '.gitmodules')
  if (commits.size === 0 || (await lstatOf(modules))?.isFile() !== true) return []
  const named = valuesOf('path', await settingsOf(modules, git))
  if (named.length > MOST) return []
  await git.run(['submodule', '--quiet', 'init'])
  const settings = await settingsOf(join(gitDirectory, 'config'), git)
  const urls = new Map(valuesOf('url', settings))
  const updates = new Map(valuesOf('update', settings))
  return named.filter(isFit).flatMap(([name, path]) => {
    const [commit, url] = [commits.get(path), urls.get(name)]
    return commit === undefined || url === undefined || updates.has(name) ? [] : [{ name, path, commit, url }]
  })
}

type NamedValue = readonly [name: string, value: string]

function valuesOf(key: 'path' | 'url' | 'update', settings: readonly Setting[]): readonly NamedValue[] {
  const [start, end] = ['submodule.', `.${key}`]
  return settings
    .filter(([setting]) => setting.startsWith(start) && setting.endsWith(end))
    .map(([setting, value]) => [setting.slice(start.length, -end.length), value])
}

/** Whether name and path are plain, and neither touches another submodule's. */
function isFit(own: NamedValue, _: number, all: readonly NamedValue[]): boolean {
  const others = all.filter((each) => each !== own)
  const isApart = (part: 0 | 1): boolean => others.every((other) => areApart(own[part], other[part]))
  return own.every(isPlain) && isApart(0) && isApart(1)
}
