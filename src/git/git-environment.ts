import { dirname } from 'node:path'
import type { Environment } from '../environment.ts'

/** What would point git at another repository, or make a new one of another format. */
const FOREIGN_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_ATTR_SOURCE',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DEFAULT_HASH',
  'GIT_DEFAULT_REF_FORMAT',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INDEX_VERSION',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REF_STORAGE_FORMAT',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
]

/** Settings for every git, with `-c`. */
export const PROTECTIVE_CONFIG = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  // Staging lies deeper than the destination, and git for Windows ends at 260 characters without this.
  'core.longPaths': 'true',
  // Where several packs have an object, all processes are to take the same copy.
  'core.multiPackIndex': 'true',
  // A directory is no repository itself: only its `.git` is one, and that was looked at. From git 2.38 on.
  'safe.bareRepository': 'explicit',
} as const

/** The variables of every git that runs in this directory. */
export function gitEnvironment(directory: string, env: Environment): Environment {
  const unset = Object.fromEntries(FOREIGN_VARIABLES.map((name) => [name, undefined]))
  return {
    ...env,
    ...unset,
    GIT_ALLOW_PROTOCOL: 'https:http:ssh',
    GIT_CEILING_DIRECTORIES: dirname(directory),
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GCM_INTERACTIVE: 'Never',
    LC_ALL: 'C',
  }
}
