import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { git, gitBytes } from './support/git-repo.ts'
import { basicCredential } from './support/github-server.ts'
import { skipWithout } from './support/programs.ts'
import { useSaveScene } from './support/save-scene.ts'

const scene = useSaveScene()
/** In all that a job leaves in its workspace, names of files included. */
const SECRET = 'sEcReT-0123456789'

beforeEach((context) => skipWithout(context, 'tar', 'zstd'))

/** All that must not be found. */
function unspeakable(): string[] {
  const { token } = scene.forge
  const { temp, workspace } = scene.place
  const runtimeToken = scene.service.env.ACTIONS_RUNTIME_TOKEN ?? ''
  return [SECRET, token, basicCredential(token), runtimeToken, temp, workspace]
}

async function leaveSecrets(): Promise<void> {
  const { workspace } = scene.place
  const at = (name: string) => join(workspace, name)
  const run = (...args: string[]) => git(workspace, ...args)
  await scene.cloneIntoWorkspace()
  await run('config', 'http.extraheader', `AUTHORIZATION: basic ${basicCredential(scene.forge.token)}`)
  await run('config', 'core.sshCommand', `ssh -i ${SECRET}`)
  await run('config', 'user.name', SECRET)
  mkdirSync(at('.git/hooks'), { recursive: true })
  for (const name of ['.git/hooks/post-checkout', '.git/description', '.git/git-credentials.config']) {
    writeFileSync(at(name), `#!/bin/sh\necho ${SECRET}\n`, { mode: 0o755 })
  }
  appendFileSync(at('.git/info/exclude'), `ignored-*\n# ${SECRET}\n`)
  for (const name of ['untracked', 'README.md']) writeFileSync(at(name), `${SECRET}\n`)
  await run('stash', 'push', '--quiet', '--include-untracked', '-m', SECRET)
  await run('tag', '-a', '-m', SECRET, 'v1')
  await run('branch', SECRET)
  writeFileSync(at('committed'), `${SECRET}\n`)
  await run('add', 'committed')
  await run('commit', '--quiet', '-m', SECRET)
  await run('reset', '--quiet', '--hard', 'HEAD~1')
  for (const name of [`untracked-${SECRET}`, `ignored-${SECRET}`, `staged-${SECRET}`, 'README.md']) {
    writeFileSync(at(name), `${SECRET}\n`)
  }
  await run('add', `staged-${SECRET}`)
}

/** What was saved: the archive's bytes, and those of the objects in it as git reads them. */
async function savedBytes(): Promise<Buffer> {
  const { bytes, directory } = await scene.archive()
  return Buffer.concat([bytes, await gitBytes(directory, ['cat-file', '--batch-all-objects', '--batch'])])
}

describe.each(['0', '1'])('a snapshot with fetch-depth %s', (depth) => {
  it.each(['workspace', 'origin'] as const)(
    'made of the %s has nothing of the job in it: no file, credential, setting or hook',
    async (from) => {
      await leaveSecrets()
      const path = from === 'origin' ? 'elsewhere' : ''
      const context = {
        env: { ...scene.env, GIT_COMMITTER_NAME: SECRET, GIT_COMMITTER_EMAIL: SECRET, MY_KEY: SECRET },
      }
      await scene.save({ inputs: { 'fetch-depth': depth, path }, context })
      expect(scene.forge.github.log.length > 0).toBe(from === 'origin')
      const saved = await savedBytes()
      expect(unspeakable().filter((text) => saved.includes(text))).toEqual([])
      const { directory } = await scene.archive()
      const names = ['HEAD', 'config', 'index', 'objects', 'refs', ...(depth === '1' ? ['shallow'] : [])]
      expect(readdirSync(join(directory, '.git')).sort()).toEqual(names)
      const keys = await git(directory, 'config', '--local', '--name-only', '--list')
      expect(
        keys.split('\n').filter((key) => !/^(core|remote\.origin|branch\.main)\.\w+$/.test(key)),
      ).toEqual([])
    },
  )
})

describe('what a save says', () => {
  it('has neither a token nor a signature in it', async () => {
    await scene.save()
    const report = await scene.save({ event: { sha: await scene.upstream.commit([]) } })
    expect(report.outcome).toBe('young')
    const said = JSON.stringify([report, scene.lines])
    expect(unspeakable().filter((text) => said.includes(text))).toEqual([])
    expect(scene.secrets.join()).toContain('sig=')
  })
})
