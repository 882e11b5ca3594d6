import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { requireGit } from '../../src/git/version.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

/** A git that says it is this version, and nothing else. */
function gitThatSays(words: string) {
  const directory = temporary()
  writeFileSync(join(directory, 'git'), `#!/bin/sh\necho '${words}'\n`, { mode: 0o755 })
  return gitIn(directory, { ...gitContext, env: { PATH: directory } })
}

describe('a git', () => {
  it.each([
    'git version 2.31.0',
    'git version 2.39.5 (Apple Git-154)',
    'git version 2.51.0.windows.1',
    'git version 3.0',
  ])('that says "%s" is new enough', async (words) => {
    await expect(requireGit(gitThatSays(words))).resolves.toBeUndefined()
  })

  it.each(['git version 2.30.9', 'git version 1.99.0', 'no version at all'])(
    'that says "%s" is refused in words',
    async (words) => {
      const message = `git 2.31 or newer is needed, and the one on the PATH says "${words}": install a newer git`
      await expect(requireGit(gitThatSays(words))).rejects.toMatchObject({ code: 'GIT_MISSING', message })
    },
  )

  it('that is not there is asked for', async () => {
    const git = gitIn(tmpdir(), { ...gitContext, env: { PATH: '/nowhere' } })
    await expect(requireGit(git)).rejects.toThrow('git is needed on the PATH and was not found: install git')
  })
})
