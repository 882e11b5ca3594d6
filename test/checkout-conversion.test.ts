import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectParity, type Scenario } from './support/checkout-scenario.ts'
import type { FileChange } from './support/git-repo.ts'
import { change, runJob, type Site, useSite } from './support/site.ts'
import { temporary } from './support/temporary.ts'

const site = useSite()

const TEXTS: FileChange[] = [
  {
    path: '.gitattributes',
    content: '*.bin -text\n*.txt text\n*.auto text=auto\n*.lf eol=lf\n*.up filter=up\n',
  },
  { path: 'plain', content: 'one\ntwo\n' },
  { path: 'by-attribute.txt', content: 'one\ntwo\n' },
  { path: 'found-out.auto', content: 'one\ntwo\n' },
  { path: 'no-text.bin', content: 'one\ntwo\n' },
  { path: 'always.lf', content: 'one\ntwo\n' },
  { path: 'filtered.up', content: 'one\ntwo\n' },
  { path: 'committed-so', content: 'one\r\ntwo\r\n' },
  { path: 'deep/run', content: '#!/bin/sh\nexit 0\n', kind: 'executable' },
  { path: 'deep/link', content: '../plain', kind: 'symlink' },
]

async function commitTexts({ forge, upstream }: Site): Promise<string> {
  const sha = await upstream.commit(TEXTS)
  await forge.snapshot(upstream)
  return sha
}

/** A sparse checkout from a snapshot has everything. */
const OF_PARTIAL_CLONE = /\t(remote\.origin\.(promisor|partialclonefilter)|core\.repositoryformatversion)=/

type Settings = string | (() => string)

function where(name: string, settings: Settings, inputs: Record<string, string> = {}): Scenario {
  return {
    name,
    arrange: async (at) => {
      const sha = await commitTexts(at)
      const told = typeof settings === 'string' ? settings : settings()
      return { github: { sha }, settings: told, inputs, mayDiffer: OF_PARTIAL_CLONE }
    },
  }
}

/** Its path. */
function fileWith(text: string): string {
  const file = join(temporary(), 'file')
  writeFileSync(file, text)
  return file
}

const scenarios: Scenario[] = [
  where('core.autocrlf is true', '[core]\n\tautocrlf = true\n'),
  where('core.autocrlf has no value', '[core]\n\tautocrlf\n'),
  where('core.autocrlf is input', '[core]\n\tautocrlf = input\n\teol = lf\n'),
  where('core.autocrlf was true', '[core]\n\tautocrlf = true\n\tautocrlf = off\n'),
  where('core.eol is crlf', '[core]\n\teol = crlf\n'),
  where('core.symlinks is false', '[core]\n\tsymlinks = false\n'),
  where('git is as on Windows', '[core]\n\tautocrlf = true\n\tsymlinks = false\n\tfileMode = false\n'),
  where('core.autocrlf is true, for a sparse checkout', '[core]\n\tautocrlf = true\n', {
    'sparse-checkout': 'deep',
  }),
  where('core.symlinks is false, for a sparse checkout', '[core]\n\tsymlinks = false\n', {
    'sparse-checkout': 'deep',
  }),
  where('a filter of the machine has a part', '[filter "up"]\n\tsmudge = tr a-z A-Z\n\tclean = tr A-Z a-z\n'),
  where('attributes of the machine have a part', () => {
    return `[core]\n\tattributesFile = ${fileWith('plain text eol=crlf\n')}\n`
  }),
  where('settings are included for this remote', () => {
    const included = fileWith('[core]\n\tautocrlf = true\n')
    return `[includeIf "hasconfig:remote.*.url:http://**/octo/project"]\n\tpath = ${included}\n`
  }),
  {
    name: 'core.autocrlf is true, for a newer commit',
    arrange: async (at) => {
      await commitTexts(at)
      const sha = await at.upstream.commit([
        { path: 'plain', content: 'one\ntwo\nthree\n' },
        { path: 'always.lf' },
        ...change('new/file.txt'),
      ])
      return { github: { sha }, settings: '[core]\n\tautocrlf = true\n' }
    },
  },
  ...(
    [
      ['with the line ends of another system', '.gitattributes', '*.txt text eol=crlf\n'],
      ['with the name of their blob in them', '.gitattributes', '*.txt ident\n'],
      ['in another encoding', '.gitattributes', '*.txt text working-tree-encoding=UTF-16LE\n'],
      ['in one directory alone', 'deep/.gitattributes', '*.txt text eol=crlf\n'],
    ] as const
  ).map(
    ([name, path, content]): Scenario => ({
      name: `a newer commit wants files ${name}`,
      arrange: async ({ forge, upstream }) => {
        const texts = ['a.txt', 'deep/b.txt', 'deep/er/c.txt', 'other.md', 'gone.txt']
        await upstream.commit(texts.map((text) => ({ path: text, content: `one $Id$\ntwo in ${text}\n` })))
        await forge.snapshot(upstream)
        const sha = await upstream.commit([{ path, content }, { path: 'gone.txt' }, ...change('new.txt')])
        return { github: { sha } }
      },
    }),
  ),
  {
    name: 'a newer commit wants the files of a sparse checkout with the line ends of another system',
    arrange: async ({ forge, upstream }) => {
      await commitTexts({ forge, upstream } as Site)
      const sha = await upstream.commit([{ path: '.gitattributes', content: '* text eol=crlf\n' }])
      return { github: { sha }, inputs: { 'sparse-checkout': 'deep' }, mayDiffer: OF_PARTIAL_CLONE }
    },
  },
  {
    name: 'core.autocrlf is true, for Git LFS',
    needs: ['git-lfs'],
    arrange: async ({ upstream, forge }) => {
      const sha = await upstream.commit([
        { path: '.gitattributes', content: '*.large filter=lfs diff=lfs merge=lfs -text\n' },
        ...change('plain'),
      ])
      await forge.snapshot(upstream)
      return { github: { sha }, inputs: { lfs: 'true' }, settings: '[core]\n\tautocrlf = true\n' }
    },
  },
]

describe('files are as actions/checkout leaves them where', () => {
  it.for(scenarios)('$name', (scenario, context) => expectParity(site, scenario, context))
})

it('nothing beside .git is unpacked where git converts line ends', async () => {
  const settings = '[core]\n\tautocrlf = true\n'
  const job = { github: { sha: await commitTexts(site) } }
  const [whole, converted] = [await runJob(site, job), await runJob(site, { ...job, settings })]
  const filesOf = ({ outputs }: { outputs: Readonly<Record<string, string>> }) => Number(outputs.files)
  const tracked = (await site.upstream.git('ls-tree', '-r', '--name-only', 'main')).split('\n').length
  expect(filesOf(whole) - filesOf(converted)).toBe(tracked)
})
