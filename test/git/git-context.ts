import type { GitContext } from '../../src/git/git.ts'
import { gitEnvironment } from '../support/git-repo.ts'

/** What git runs with where a test says nothing else. */
export const gitContext: GitContext = { env: gitEnvironment, signal: new AbortController().signal }
