import { mkdir, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { makeDotGitSafe, staysInDotGit } from '../../src/git/dotgit.ts'
import { probeConfig } from '../../src/git/fresh-config.ts'
import { git, gitEnvironment } from '../support/git-repo.ts'
import { temporary } from '../support/temporary.ts'
import { gitContext } from './git-context.ts'

const id = '1'.repeat(40)
const longId = '2'.repeat(64)
const packId = 'a'.repeat(40)

describe('what stays in .git', () => {
  it.each([
    'HEAD',
    'packed-refs',
    'shallow',
    'info',
    'info/',
    'info/exclude',
    'info/refs',
    'objects',
    'objects/',
    'objects/00',
    `objects/00/${'0'.repeat(38)}`,
    'objects/pack',
    `objects/pack/pack-${packId}.pack`,
    `objects/pack/pack-${packId}.idx`,
    `objects/pack/pack-${packId}.rev`,
    `objects/pack/pack-${packId}.bitmap`,
    `objects/pack/pack-${packId}.mtimes`,
    `objects/pack/pack-${packId}.promisor`,
    'objects/info/',
    'objects/info/packs',
    'refs',
    'refs/',
    'refs/heads/',
    'refs/heads/main',
    'refs/heads/feature/a-b_c+d@e',
    'refs/heads/caf\xc3\xa9',
    'refs/heads/replace/x',
    'refs/heads/locksmith',
    'refs/heads/x.lock.y',
    'refs/heads/HEAD',
    'refs/remotes/origin/HEAD',
    'refs/tags/v1.0',
    'refs/stash',
    'refs/replacement/x',
    'lfs',
    'lfs/objects/aa/bb/aabb',
    'lfs/tmpfile',
    'reftable/',
    'reftable/tables.list',
    'reftable/0x000000000001-0x00000000000a-5c7f3a1b.ref',
  ])('keeps %s', (name) => {
    expect(staysInDotGit(name)).toBe(true)
  })

  it.each([
    '',
    '/',
    '.',
    '..',
    'config',
    'config.worktree',
    'CONFIG',
    'index',
    'hooks',
    'hooks/',
    'hooks/post-checkout',
    'commondir',
    'gitdir',
    'worktrees/a/gitdir',
    'modules/a/config',
    'description',
    'branches/',
    'remotes/origin',
    'svn/.metadata',
    'logs/HEAD',
    'gc.pid',
    'fsmonitor--daemon.ipc',
    'fsmonitor--daemon/cookies/x',
    'FETCH_HEAD',
    'ORIG_HEAD',
    'MERGE_HEAD',
    'CHERRY_PICK_HEAD',
    'REVERT_HEAD',
    'BISECT_LOG',
    'rebase-merge/done',
    'rebase-apply/',
    'sequencer/todo',
    'COMMIT_EDITMSG',
    'HEAD.lock',
    'index.lock',
    'packed-refs.lock',
    'shallow.lock',
    'config.lock',
  ])('leaves out %j', (name) => {
    expect(staysInDotGit(name)).toBe(false)
  })

  it.each([
    ['a file given as a directory', ['HEAD/', 'packed-refs/', 'shallow/', 'info/exclude/', 'info/refs/']],
    ['a directory named like a file', ['HEAD/x', 'packed-refs/x', 'shallow/x', 'info/exclude/x']],
    ['another case', ['head', 'Objects/00', 'REFS/heads/main', 'Info/exclude', 'objects/INFO/Alternates']],
    ['empty components', ['/HEAD', 'refs//heads/main', 'objects//info/alternates', 'refs/heads//', 'refs//']],
    [
      'dots',
      ['./HEAD', 'refs/../config', 'refs/heads/..', 'objects/./info/alternates', 'lfs/../hooks/x', 'refs/.'],
    ],
    ['attributes and grafts', ['info/attributes', 'info/grafts', 'info/sparse-checkout', 'info/x/refs']],
    [
      'other object stores',
      [
        'objects/info/alternates',
        'objects/info/alternates/',
        'objects/info/alternates/x',
        'objects/pack/multi-pack-index',
        'objects/pack/multi-pack-index-0123.bitmap',
        'objects/pack/multi-pack-index-0123.rev',
        'objects/pack/multi-pack-index.d/multi-pack-index-chain',
        'objects/info/http-alternates',
      ],
    ],
    [
      'graphs of commits, which git believes more than the commits',
      [
        'objects/info/commit-graph',
        'objects/info/commit-graphs/commit-graph-chain',
        `objects/info/commit-graphs/graph-${packId}.graph`,
      ],
    ],
    [
      'unfinished and kept packs',
      [
        'objects/pack/tmp_pack_abc',
        'objects/00/tmp_obj_abc',
        'objects/tmp_objdir-incoming/x',
        `objects/pack/pack-${packId}.keep`,
      ],
    ],
    [
      'replacements',
      [
        'refs/replace',
        'refs/replace/',
        `refs/replace/${id}`,
        'refs/Replace/x',
        'refs/replace./x',
        'refs/repl\u00e2\u0080\u008cace/x',
      ],
    ],
    [
      'locks at any depth',
      [
        'refs/heads/x.lock',
        'refs/heads/x.lock/',
        'refs/heads/x.lock/y',
        'objects/info/commit-graph.lock',
        'objects/pack/multi-pack-index.lock',
        'reftable/tables.list.lock',
        'lfs/x.lock',
        'refs.lock/x',
      ],
    ],
    [
      'what is no ref',
      [
        'refs/heads/.hidden',
        'refs/heads/a..b',
        'refs/heads/a b',
        'refs/heads/a\\b',
        'refs/heads/a:b',
        'refs/heads/a~1',
        'refs/heads/a\nb',
        'refs/heads/a\0b',
        'refs/heads/@{x',
        'refs/heads/a\x7f',
      ],
    ],
    [
      'short and other spellings',
      [
        'objects/info/ALTERN~1',
        'objects/info/alternates.',
        'objects/info/alternates ',
        'objects/info/alternates::$DATA',
        'objects/info\\alternates',
      ],
    ],
    [
      'what LFS does not need',
      ['lfs/tmp', 'lfs/tmp/x', 'lfs/hooks/pre-push', 'lfs/config', 'lfs/.lfsconfig'],
    ],
  ])('leaves out %s', (_, names) => {
    expect(names.filter(staysInDotGit)).toEqual([])
  })

  it('keeps all that a clone needs and nothing that it does not', async () => {
    const root = temporary()
    await git(root, 'init', '--quiet', 'upstream')
    await git(join(root, 'upstream'), 'commit', '--quiet', '--allow-empty', '--message=First')
    await git(root, 'clone', '--quiet', 'upstream', 'clone')
    const names = await readdir(join(root, 'clone/.git'))
    expect(names.filter(staysInDotGit).sort()).toEqual(['HEAD', 'info', 'objects', 'packed-refs', 'refs'])
  })
})

describe('making .git safe', () => {
  let root: string
  let tree: string
  let probedConfig: string

  beforeEach(async () => {
    root = await realpath(temporary())
    tree = join(root, 'tree')
    await mkdir(join(tree, '.git'), { recursive: true })
    probedConfig = await probeConfig(join(root, 'probe'), gitContext)
  })

  async function plant(name: string, content: string): Promise<void> {
    await mkdir(dirname(join(tree, '.git', name)), { recursive: true })
    await writeFile(join(tree, '.git', name), content, 'latin1')
  }

  const make = () => makeDotGitSafe(tree, { probedConfig, remoteUrl: 'https://example.com/octo/project' })
  const config = () => readFile(join(tree, '.git/config'), 'latin1')

  it('completes what an archive may have left out', async () => {
    await plant('HEAD', 'ref: refs/heads/main\n')
    expect(await make()).toEqual({
      objectFormat: 'sha1',
      refFormat: 'files',
      branch: 'main',
      refs: new Map(),
    })
    expect((await readdir(join(tree, '.git'))).sort()).toEqual([
      'HEAD',
      'config',
      'hooks',
      'objects',
      'packed-refs',
      'refs',
    ])
  })

  it('leaves a directory for the hooks of a job, with none in it', async () => {
    await plant('HEAD', 'ref: refs/heads/main\n')
    await make()
    expect(await readdir(join(tree, '.git', 'hooks'))).toEqual([])
  })

  it('writes a config that git reads back as it was meant', async () => {
    const branch = 'odd"#;name'
    await plant('HEAD', `ref: refs/heads/${branch}\n`)
    await make()
    const get = (key: string) => git(tree, 'config', '--local', key)
    expect(await get('remote.origin.url')).toBe('https://example.com/octo/project')
    expect(await get('remote.origin.fetch')).toBe('+refs/heads/*:refs/remotes/origin/*')
    expect(await get('gc.auto')).toBe('0')
    expect(await get(`branch.${branch}.remote`)).toBe('origin')
    expect(await get(`branch.${branch}.merge`)).toBe(`refs/heads/${branch}`)
    expect(await get('core.bare')).toBe('false')
  })

  it("does not let a URL end its line in git's config", async () => {
    await plant('HEAD', `${id}\n`)
    const remoteUrl = 'https://example.com/a"\n[core]\n\tfsmonitor = x\n#\\'
    await makeDotGitSafe(tree, { probedConfig, remoteUrl })
    expect(await git(tree, 'config', '--local', 'remote.origin.url')).toBe(remoteUrl)
    await expect(git(tree, 'config', '--local', 'core.fsmonitor')).rejects.toThrow()
  })

  it('keeps the bytes of a branch that is not UTF-8', async () => {
    await plant('HEAD', 'ref: refs/heads/caf\xe9\n')
    expect((await make()).branch).toBe('caf\xe9')
    expect(await config()).toContain(
      '[branch "caf\xe9"]\n\tremote = origin\n\tmerge = "refs/heads/caf\xe9"\n',
    )
  })

  it.each([
    ['a detached HEAD', { HEAD: `${longId}\n` }],
    ['the loose ref of its branch', { HEAD: 'ref: refs/heads/main\n', 'refs/heads/main': `${longId}\n` }],
    [
      'packed refs',
      {
        HEAD: 'ref: refs/heads/main\n',
        'packed-refs': `# pack-refs with: sorted\n${longId} refs/heads/main\n`,
      },
    ],
  ])('sees a SHA-256 repository by %s', async (_, files) => {
    for (const [name, content] of Object.entries(files)) await plant(name, content)
    expect((await make()).objectFormat).toBe('sha256')
    expect(await git(tree, 'rev-parse', '--show-object-format')).toBe('sha256')
  })

  it.each([
    ['sha1', '\x01', ''],
    ['sha256', '\x02', 's256'],
  ] as const)('sees a reftable repository of %s', async (objectFormat, version, hash) => {
    await plant('HEAD', 'ref: refs/heads/.invalid\n')
    await plant('refs/heads', 'this repository uses the reftable format\n')
    await plant('reftable/tables.list', '0x000000000001-0x000000000001-00000000.ref\n')
    await plant(
      'reftable/0x000000000001-0x000000000001-00000000.ref',
      `REFT${version}${'\0'.repeat(19)}${hash}`,
    )
    expect(await make()).toEqual({ objectFormat, refFormat: 'reftable', branch: undefined, refs: undefined })
    const text = await config()
    expect(text).toContain('repositoryformatversion = 1\n')
    expect(text).toContain('\trefstorage = reftable\n')
    expect(text.includes('\tobjectformat = sha256\n')).toBe(objectFormat === 'sha256')
  })

  it('leaves refs that are names of objects of its format, and no others', async () => {
    await plant('HEAD', `${id}\n`)
    await plant('packed-refs', `${longId} refs/heads/a\n${id} refs/heads/b\n^${id}\n`)
    await plant('refs/heads/c', 'ref: refs/heads/b\n')
    await plant('refs/heads/d/e', `${id}\n`)
    await make()
    const packed = await readFile(join(tree, '.git/packed-refs'), 'latin1')
    expect(packed).toBe(`# pack-refs with: sorted \n${id} refs/heads/b\n${id} refs/heads/d/e\n`)
    expect((await readdir(join(tree, '.git/refs'), { recursive: true })).sort()).toEqual(['heads', 'tags'])
  })

  it.each([
    ['elsewhere', 'ref: refs/remotes/origin/main\n'],
    ['outside', 'ref: refs/heads/../../config\n'],
    ['a lock', 'ref: refs/heads/x.lock\n'],
    ['a reftable that is not there', 'ref: refs/heads/.invalid\n'],
    ['nothing', ''],
    ['no branch', 'ref: refs/heads/\n'],
    ['two lines', `${id}\n${id}\n`],
    ['41 digits', `${id}1\n`],
    ['a great deal', `ref: refs/heads/${'x'.repeat(5000)}\n`],
    ['a branch with a line end', 'ref: refs/heads/a\n[core]\n'],
  ])('refuses a HEAD that names %s', async (_, head) => {
    await plant('HEAD', head)
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
    await expect(config()).rejects.toThrow()
  })

  it.each([
    'config',
    'index',
    'commondir',
    'hooks/post-checkout',
    'info/attributes',
    'info/grafts',
    'objects/info/alternates',
    'objects/info/http-alternates',
    `refs/replace/${id}`,
    'HEAD.lock',
  ])('refuses to go on where %s is there', async (name) => {
    await plant('HEAD', `${id}\n`)
    await plant(name, 'x\n')
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
  })

  it.each(['objects', 'refs', 'info', 'lfs', 'reftable'])('refuses a file named %s', async (name) => {
    await plant('HEAD', `${id}\n`)
    await plant(name, '')
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
  })

  it.each(['HEAD', 'packed-refs', 'shallow'])('refuses a directory named %s', async (name) => {
    await plant('HEAD', `${id}\n`)
    await rm(join(tree, '.git', name), { force: true })
    await mkdir(join(tree, '.git', name))
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
  })

  it('refuses a .git that is missing, a file or a link', async () => {
    await rm(join(tree, '.git'), { recursive: true })
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
    await writeFile(join(tree, '.git'), 'gitdir: /elsewhere\n')
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
    await rm(join(tree, '.git'))
    await mkdir(join(root, 'elsewhere'))
    await symlink(join(root, 'elsewhere'), join(tree, '.git'))
    await expect(make()).rejects.toMatchObject({ code: 'UNSAFE_GIT' })
  })

  it('refuses a .git without HEAD', async () => {
    await expect(make()).rejects.toThrow(/no HEAD/)
  })
})

describe('the probed config', () => {
  it("is git init's own, whatever the user's defaults and templates are, and leaves nothing behind", async () => {
    const root = await realpath(temporary())
    await mkdir(join(root, 'template'))
    await writeFile(join(root, 'template/config'), '[core]\n\tfsmonitor = planted\n')
    await git(root, 'init', '--quiet', '--template=', 'plain')
    const env = { ...gitEnvironment, GIT_DEFAULT_HASH: 'sha256', GIT_TEMPLATE_DIR: join(root, 'template') }
    const probed = await probeConfig(join(root, 'probe'), { ...gitContext, env })
    expect(probed).toBe(await readFile(join(root, 'plain/.git/config'), 'latin1'))
    expect((await readdir(root)).sort()).toEqual(['plain', 'template'])
  })
})
