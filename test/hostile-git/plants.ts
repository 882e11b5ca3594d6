import { appendFileSync, chmodSync, cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { git } from '../support/git-repo.ts'
import type { Scene } from './scene.ts'

type Command = readonly string[]

/** Something in a clone's `.git` that makes git do what nobody asked for. */
export interface Plant {
  readonly what: string
  readonly plant: (tree: string, scene: Scene) => Promise<unknown> | unknown
  /** What makes plain git do it. */
  readonly triggers: readonly Command[]
  /** How plain git comes to the origin. Default `token`. */
  readonly access?: 'anonymous'
  /** Default `restored`; `fetched` where the archive is refused. */
  readonly ofSnapshot?: 'fetched'
  /** Default `reused`; `restored` where the clone in the workspace is not taken. */
  readonly ofWorkspace?: 'restored'
}

/** Sets values in a clone's own config, one after the other. */
async function set(tree: string, ...settings: (readonly [key: string, value: string])[]): Promise<void> {
  for (const [key, value] of settings) await git(tree, 'config', '--file', '.git/config', '--add', key, value)
}

function write(tree: string, name: string, content: string): void {
  const path = join(tree, '.git', name)
  mkdirSync(dirname(path), { recursive: true })
  appendFileSync(path, content)
}

function hook(tree: string, directory: string, name: string, { canary }: Scene): void {
  write(tree, `${directory}/${name}`, `#!/bin/sh\n'${canary.program}' ${name}\n`)
  chmodSync(join(tree, '.git', directory, name), 0o755)
}

const monitor = ({ canary }: Scene) => `[core]\n\tfsmonitor = ${canary.program}\n`
const STATUS: Command = ['status']
const LS_REMOTE: Command = ['ls-remote', 'origin']
const FETCH: Command = ['fetch', 'origin']
/** Files that git has to write anew, or to read. */
const REWRITE: readonly Command[] = [
  ['rm', '--quiet', '--cached', 'a.txt', 'b.txt'],
  ['reset', '--hard'],
]
const REREAD: readonly Command[] = [
  ['update-index', '--chmod=+x', 'a.txt'],
  ['add', '--renormalize', '.'],
]
const checkedOut: readonly Command[] = [
  ['checkout', '--force', 'HEAD~1'],
  ['checkout', '--force', 'HEAD@{1}'],
]

const monitors: readonly Plant[] = [
  {
    what: 'core.fsmonitor',
    plant: (tree, scene) => write(tree, 'config', monitor(scene)),
    triggers: [STATUS],
  },
  {
    what: 'core.fsmonitor by include.path',
    plant: async (tree, scene) => {
      write(tree, 'included', monitor(scene))
      await set(tree, ['include.path', 'included'])
    },
    triggers: [STATUS],
  },
  {
    what: 'core.fsmonitor by includeIf',
    plant: async (tree, scene) => {
      write(tree, 'info/included', monitor(scene))
      await set(tree, ['includeIf.gitdir:/**.path', 'info/included'])
    },
    triggers: [STATUS],
  },
  {
    what: 'core.fsmonitor in config.worktree',
    plant: async (tree, scene) => {
      write(tree, 'config.worktree', monitor(scene))
      await set(tree, ['extensions.worktreeConfig', 'true'])
    },
    triggers: [STATUS],
  },
  {
    what: 'core.fsmonitor behind .git/commondir',
    plant: (tree, scene) => {
      const dotGit = join(tree, '.git')
      const common = join(scene.canary.outside, '..', 'common')
      cpSync(dotGit, common, { recursive: true, force: true })
      appendFileSync(join(common, 'config'), monitor(scene))
      write(tree, 'commondir', `${common}\n`)
    },
    triggers: [STATUS],
    ofWorkspace: 'restored',
  },
  {
    what: 'core.fsmonitor behind a .git that is a file',
    plant: (tree, scene) => {
      write(tree, 'config', monitor(scene))
      renameSync(join(tree, '.git'), join(tree, 'elsewhere'))
      writeFileSync(join(tree, '.git'), 'gitdir: elsewhere\n')
    },
    triggers: [STATUS],
    ofSnapshot: 'fetched',
    ofWorkspace: 'restored',
  },
  {
    what: 'core.fsmonitor behind a .git that is a symlink',
    plant: (tree, scene) => {
      write(tree, 'config', monitor(scene))
      renameSync(join(tree, '.git'), join(tree, 'elsewhere'))
      symlinkSync('elsewhere', join(tree, '.git'))
    },
    triggers: [STATUS],
    ofSnapshot: 'fetched',
    ofWorkspace: 'restored',
  },
]

/** Each with commands that make plain git call it. */
const HOOKS: Readonly<Record<string, readonly Command[]>> = {
  'post-checkout': checkedOut,
  'post-index-change': [['reset', '--hard']],
  'reference-transaction': [['update-ref', 'refs/heads/x', 'HEAD']],
  'post-merge': [
    ['reset', '--hard', 'HEAD~1'],
    ['merge', '--ff-only', 'ORIG_HEAD'],
  ],
}

const hooks: readonly Plant[] = [
  ...Object.entries(HOOKS).map(
    ([name, triggers]): Plant => ({
      what: `the hook ${name}`,
      plant: (tree, scene) => hook(tree, 'hooks', name, scene),
      triggers,
    }),
  ),
  {
    what: 'hooks elsewhere, by core.hooksPath',
    plant: async (tree, scene) => {
      for (const name of Object.keys(HOOKS)) hook(tree, 'lfs/objects', name, scene)
      await set(tree, ['core.hooksPath', '.git/lfs/objects'])
    },
    triggers: checkedOut,
  },
]

const drivers: readonly Plant[] = [
  {
    what: 'filter.<driver>.smudge',
    plant: (tree, { canary }) => set(tree, ['filter.planted.smudge', canary.filter]),
    triggers: REWRITE,
  },
  {
    what: 'filter.<driver>.clean',
    plant: (tree, { canary }) => set(tree, ['filter.planted.clean', canary.filter]),
    triggers: REREAD,
  },
  {
    what: 'filter.<driver>.process',
    plant: (tree, { canary }) => set(tree, ['filter.planted.process', canary.program]),
    triggers: REWRITE,
  },
  {
    what: 'a filter with .git/info/attributes',
    plant: async (tree, { canary }) => {
      write(tree, 'info/attributes', '*.md filter=mine\n')
      await set(tree, ['filter.mine.smudge', canary.filter], ['filter.mine.clean', canary.filter])
    },
    triggers: [
      ['rm', '--quiet', '--cached', 'README.md'],
      ['reset', '--hard'],
      ['add', '--renormalize', '.'],
    ],
  },
  {
    what: 'a filter with core.attributesFile',
    plant: async (tree, { canary }) => {
      write(tree, 'info/refs', '*.md filter=mine\n')
      await set(
        tree,
        ['core.attributesFile', '.git/info/refs'],
        ['filter.mine.smudge', canary.filter],
        ['filter.mine.clean', canary.filter],
      )
    },
    triggers: [
      ['rm', '--quiet', '--cached', 'README.md'],
      ['reset', '--hard'],
      ['add', '--renormalize', '.'],
    ],
  },
  {
    what: 'diff.<driver>.textconv',
    plant: (tree, { canary }) => set(tree, ['diff.planted.textconv', canary.program]),
    triggers: [['log', '-p']],
  },
  {
    what: 'diff.<driver>.command',
    plant: (tree, { canary }) => set(tree, ['diff.planted.command', canary.program]),
    triggers: [['diff', 'HEAD~1']],
  },
  {
    what: 'diff.external',
    plant: (tree, { canary }) => set(tree, ['diff.external', canary.program]),
    triggers: [['diff', 'HEAD~1']],
  },
  {
    what: 'merge.<driver>.driver',
    plant: (tree, { canary }) => set(tree, ['merge.planted.driver', canary.program]),
    triggers: [
      ['checkout', '--force', '-B', 'one', 'HEAD~1'],
      ['mv', '--force', 'README.md', 'a.txt'],
      ['commit', '--quiet', '--message=Mine'],
      ['cherry-pick', 'origin/main'],
    ],
  },
]

const transports: readonly Plant[] = [
  {
    what: 'remote.origin.uploadpack with a local repository in the place of the remote',
    plant: async (tree, { upstream, canary }) => {
      await git(tree, 'config', 'remote.origin.url', upstream.directory)
      await set(tree, ['remote.origin.uploadpack', canary.program])
    },
    triggers: [FETCH],
    ofWorkspace: 'restored',
  },
  {
    what: 'remote.origin.uploadpack with url.<base>.insteadOf',
    plant: (tree, { upstream, canary, originUrl }) =>
      set(
        tree,
        [`url.file://${upstream.directory}.insteadOf`, originUrl],
        ['remote.origin.uploadpack', canary.program],
      ),
    triggers: [FETCH],
  },
  {
    what: 'core.sshCommand with url.<base>.insteadOf',
    plant: (tree, { canary, forge }) =>
      set(
        tree,
        ['url.ssh://git@127.0.0.1/.insteadOf', `${forge.github.url}/`],
        ['core.sshCommand', canary.program],
      ),
    triggers: [LS_REMOTE],
  },
  {
    what: 'core.gitProxy with url.<base>.insteadOf',
    plant: (tree, { canary, forge }) =>
      set(
        tree,
        ['url.git://127.0.0.1:9/.insteadOf', `${forge.github.url}/`],
        ['core.gitProxy', canary.program],
      ),
    triggers: [LS_REMOTE],
  },
  {
    what: 'remote.origin.vcs',
    plant: async (tree, { canary }) => {
      await git(tree, 'config', 'remote.origin.url', canary.program)
      await set(tree, ['remote.origin.vcs', 'ext'], ['protocol.ext.allow', 'always'])
    },
    triggers: [LS_REMOTE],
    ofWorkspace: 'restored',
  },
  {
    what: 'an ext:: address by url.<base>.insteadOf',
    plant: (tree, { canary, originUrl }) =>
      set(tree, [`url.ext::${canary.program} .insteadOf`, originUrl], ['protocol.ext.allow', 'always']),
    triggers: [LS_REMOTE],
  },
  {
    what: 'credential.helper',
    plant: (tree, { canary }) => set(tree, ['credential.helper', canary.program]),
    triggers: [LS_REMOTE],
    access: 'anonymous',
  },
  {
    what: 'core.askPass',
    plant: (tree, { canary }) => set(tree, ['core.askPass', canary.program]),
    triggers: [LS_REMOTE],
    access: 'anonymous',
  },
  {
    what: 'core.alternateRefsCommand with objects/info/alternates',
    plant: async (tree, { canary, clone }) => {
      write(tree, 'objects/info/alternates', `${clone}/.git/objects\n`)
      await set(tree, ['core.alternateRefsCommand', canary.program])
    },
    triggers: [FETCH],
    ofWorkspace: 'restored',
  },
  {
    what: 'a promisor remote with its uploadpack',
    plant: async (tree, { upstream, canary, originUrl }) => {
      await set(
        tree,
        ['remote.origin.promisor', 'true'],
        ['remote.origin.partialclonefilter', 'blob:none'],
        [`url.file://${upstream.directory}.insteadOf`, originUrl],
        ['remote.origin.uploadpack', canary.program],
      )
    },
    triggers: [['cat-file', '-p', '1'.repeat(40)]],
  },
]

const redirections: readonly Plant[] = [
  {
    what: 'core.worktree outside',
    plant: (tree, { canary }) => set(tree, ['core.worktree', canary.outside]),
    triggers: [['checkout', '--force', 'HEAD']],
  },
  {
    what: 'http.proxy',
    plant: (tree, { canary }) => set(tree, ['http.proxy', canary.url]),
    triggers: [LS_REMOTE],
  },
  {
    what: 'remote.origin.proxy',
    plant: (tree, { canary }) => set(tree, ['remote.origin.proxy', canary.url]),
    triggers: [LS_REMOTE],
  },
  {
    what: 'url.<base>.insteadOf another server',
    plant: (tree, { canary, forge }) => set(tree, [`url.${canary.url}/.insteadOf`, `${forge.github.url}/`]),
    triggers: [LS_REMOTE],
  },
  {
    what: 'url.<base>.pushInsteadOf another server',
    plant: (tree, { canary, forge }) =>
      set(tree, [`url.${canary.url}/.pushInsteadOf`, `${forge.github.url}/`]),
    triggers: [['push', '--dry-run', 'origin', 'HEAD:x']],
  },
  {
    what: 'remote.origin.pushurl',
    plant: (tree, { canary }) => set(tree, ['remote.origin.pushurl', `${canary.url}/octo/project`]),
    triggers: [['push', '--dry-run', 'origin', 'HEAD:x']],
  },
  {
    what: 'a remote of another server in .git/remotes',
    plant: async (tree, { canary }) => {
      await git(tree, 'remote', 'remove', 'origin')
      write(tree, 'remotes/origin', `URL: ${canary.url}/octo/project\n`)
    },
    triggers: [LS_REMOTE],
    ofWorkspace: 'restored',
  },
  {
    what: 'a remote of another server in .git/branches',
    plant: (tree, { canary }) => write(tree, 'branches/other', `${canary.url}/octo/project\n`),
    triggers: [['ls-remote', 'other']],
  },
]

/** What git 2.39 and later run, ask or write by a clone's own `.git`. */
export const plants: readonly Plant[] = [...monitors, ...hooks, ...drivers, ...transports, ...redirections]
