import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { git } from '../support/git-repo.ts'
import { useScene } from './scene.ts'

const scene = useScene()

/** What no command of ours reads or plain git of every version knows, and what nobody has to find out. */
const SETTINGS = [
  'hook.planted.command',
  'hook.planted.event',
  'http.sslVerify',
  'http.sslCAInfo',
  'http.sslCAPath',
  'http.extraHeader',
  'http.cookieFile',
  'http.curloptResolve',
  'http.proxyAuthMethod',
  'remote.origin.mirror',
  'remote.origin.prune',
  'remote.origin.receivepack',
  'remote.other.url',
  'remote.pushDefault',
  'fetch.bundleURI',
  'transfer.bundleURI',
  'bundle.planted.uri',
  'core.attributesFile',
  'core.excludesFile',
  'core.sshCommand',
  'core.pager',
  'core.editor',
  'core.protectNTFS',
  'core.protectHFS',
  'core.sharedRepository',
  'core.sparseCheckout',
  'lfs.url',
  'lfs.customtransfer.planted.path',
  'lfs.standalonetransferagent',
  'lfs.extension.planted.clean',
  'receive.denyCurrentBranch',
  'gc.recentObjectsHook',
  'gpg.program',
  'index.version',
  'alias.status',
  'sequence.editor',
  'uploadpack.packObjectsHook',
  'trailer.planted.command',
  'submodule.recurse',
  'include.path',
  'includeIf.gitdir:/**.path',
  'safe.directory',
  'protocol.allow',
] as const

/** What `git clone` writes, and no garbage collection during the job. */
const OURS =
  /^(core\.(repositoryformatversion|filemode|bare|logallrefupdates)|remote\.origin\.(url|fetch)|gc\.auto|branch\.main\.(remote|merge))$/

/** Where git takes offence at any other value. */
const VALUES: Readonly<Record<string, string>> = {
  'core.sharedRepository': '0777',
  'core.sparseCheckout': 'true',
  'core.protectNTFS': 'false',
  'core.protectHFS': 'false',
  'http.sslVerify': 'false',
  'index.version': '4',
  'submodule.recurse': 'true',
}

function plantSettings(tree: string): void {
  const sections = SETTINGS.map((key) => {
    const [section = '', ...rest] = key.split('.')
    const name = rest.pop()
    const subsection = rest.length === 0 ? '' : ` "${rest.join('.')}"`
    return `[${section}${subsection}]\n\t${name} = ${VALUES[key] ?? 'planted'}\n`
  })
  appendFileSync(join(tree, '.git/config'), `${sections.join('')}[gc]\n\tauto = 1\n`)
}

async function expectOwnSettings(tree: string): Promise<void> {
  const keys = (await git(tree, 'config', '--file', '.git/config', '--name-only', '--list')).split('\n')
  expect(keys.filter((key) => !OURS.test(key))).toEqual([])
  expect(await git(tree, 'config', '--file', '.git/config', '--get-all', 'gc.auto')).toBe('0')
}

it('4.1: no setting of a snapshot is taken over', async () => {
  const tree = await scene.copyOf(scene.clone)
  plantSettings(tree)
  await scene.serve(tree)
  const { workspace, report } = await scene.restore()
  expect(report.outcome).toBe('restored')
  await expectOwnSettings(workspace)
})

it('4.1: no setting of a workspace that is used again stays', async () => {
  const workspace = await scene.leave()
  plantSettings(workspace)
  const { report } = await scene.restore({ workspace })
  expect(report.outcome).toBe('reused')
  await expectOwnSettings(workspace)
})
