import type { GithubContext } from './runner-environment.ts'

/** What actions/checkout v7 takes its inputs for. An empty ref and commit stand for the default branch. */
export type ReferenceSettings = {
  readonly repository: string
  readonly ref: string
  readonly commit: string
  readonly fetchDepth: number
  readonly fetchTags: boolean
}

type Inputs = Readonly<Record<string, string>>

const TAGS = '+refs/tags/*:refs/tags/*'

/** As its input-helper.ts reads them. */
export function referenceSettings(inputs: Inputs, github: GithubContext): ReferenceSettings {
  const repository = inputs.repository || github.repository
  const given = inputs.ref ?? ''
  const depth = Math.floor(Number(inputs['fetch-depth'] || '1'))
  const common = {
    repository,
    fetchDepth: Number.isNaN(depth) || depth < 0 ? 0 : depth,
    fetchTags: isTrue(inputs['fetch-tags']),
  }
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(given)) return { ...common, ref: '', commit: given }
  if (given !== '' || repository.toLowerCase() !== github.repository.toLowerCase()) {
    return { ...common, ref: given, commit: '' }
  }
  const isQualified = github.ref === '' || github.sha === '' || github.ref.startsWith('refs/')
  return { ...common, ref: isQualified ? github.ref : `refs/heads/${github.ref}`, commit: github.sha }
}

/** As getRefSpec of its ref-helper.ts. */
export function referenceRefspecs({ ref, commit, fetchTags }: ReferenceSettings): string[] {
  const tags = fetchTags ? [TAGS] : []
  const tag = (refspec: string) => (fetchTags ? [] : [refspec])
  const [, kind = '', name = ''] = /^refs\/(heads|pull|tags)\/(.+)$/i.exec(ref) ?? []
  const source = commit || ref
  switch (kind.toLowerCase()) {
    case 'heads':
      return [...tags, `+${source}:refs/remotes/origin/${name}`]
    case 'pull':
      return [...tags, `+${source}:refs/remotes/pull/${name}`]
    case 'tags':
      return [...tags, ...tag(`+${ref}:${ref}`)]
  }
  if (commit !== '') return [...tags, commit]
  if (/^refs\//i.test(ref)) return [...tags, `+${ref}:${ref}`]
  return [
    ...tags,
    `+refs/heads/${ref}*:refs/remotes/origin/${ref}*`,
    ...tag(`+refs/tags/${ref}*:refs/tags/${ref}*`),
  ]
}

/** As getRefSpecForAllHistory of its ref-helper.ts. */
export function referenceRefspecsForAllHistory({ ref, commit }: ReferenceSettings): string[] {
  const [, pull] = /^refs\/pull\/(.+)$/i.exec(ref) ?? []
  return [
    '+refs/heads/*:refs/remotes/origin/*',
    TAGS,
    ...(pull ? [`+${commit || ref}:refs/remotes/pull/${pull}`] : []),
  ]
}

export function isTrue(value: string | undefined): boolean {
  return value?.toUpperCase() === 'TRUE'
}
