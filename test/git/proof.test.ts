import { expect, it } from 'vitest'
import { gitIn } from '../../src/git/git.ts'
import { proveCommit } from '../../src/git/proof.ts'
import { git, gitBytes } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

it('proves a commit of more directories than fit into what git prints otherwise', {
  timeout: 120_000,
}, async () => {
  const tree = temporary()
  await git(tree, 'init', '--quiet')
  const files = Array.from({ length: 420_000 }, (_, at) => `M 100644 :1 ${at % 650}/${at}/${at}\n`)
  const commit = 'commit refs/heads/main\ncommitter A <a@example.com> 0 +0000\ndata 0\n'
  const history = `blob\nmark :1\ndata 0\n${commit}${files.join('')}`
  await gitBytes(tree, ['fast-import', '--quiet'], Buffer.from(history))
  const id = await git(tree, 'rev-parse', 'main')
  await expect(proveCommit({ git: gitIn(tree, gitContext), commit: id, objectFormat: 'sha1' })).resolves.toBe(
    undefined,
  )
})
