export interface Location {
  readonly kind: 'cachew' | 'url'
  readonly url: URL
}

interface Wanted {
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
  readonly repository: { readonly owner: string; readonly name: string }
  readonly githubServerUrl: URL
}

/** Where the snapshot of a repository lies: at the given URL, or where a Cachew server has it. */
export function locate({ server, url, repository, githubServerUrl }: Wanted): Location {
  if (url !== undefined) return { kind: 'url', url }
  if (server === undefined) throw new TypeError('inputs promise a server or a url')
  const path = ['git', githubServerUrl.host, repository.owner, repository.name, 'snapshot.tar.zst']
  return { kind: 'cachew', url: new URL(path.join('/'), server) }
}
