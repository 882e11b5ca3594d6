/** A Cachew server, and what else it answers for a repository beside the snapshot. */
export interface CachewLocation {
  readonly kind: 'cachew'
  readonly url: URL
  /** Speaks git's smart HTTP. */
  readonly git: URL
  /** Takes a POST of what its mirror is to have. */
  readonly ensureRefs: URL
  readonly lfs: URL
  /**
   * What brings a commit to the server's newest one. It is made here even where the server names it
   * (X-Cachew-Bundle-Url): a name from outside could lead elsewhere, and knows of no path before the server's.
   */
  bundle(base: string): URL
}

export interface UrlLocation {
  readonly kind: 'url'
  readonly url: URL
}

export type Location = CachewLocation | UrlLocation

interface Wanted {
  /** Its path ends in a slash. */
  readonly server: URL | undefined
  readonly url: URL | undefined
  readonly repository: { readonly owner: string; readonly name: string }
  readonly githubServerUrl: URL
}

/** Where the snapshot of a repository lies: at the given URL, or where a Cachew server has it; undefined for nowhere. */
export function locate({ server, url, repository, githubServerUrl }: Wanted): Location | undefined {
  if (url !== undefined) return { kind: 'url', url }
  if (server === undefined) return undefined
  const git = new URL(['git', githubServerUrl.host, repository.owner, repository.name].join('/'), server)
  const beneath = (name: string): URL => new URL(`${git.href}/${name}`)
  return {
    kind: 'cachew',
    url: beneath('snapshot.tar.zst'),
    git,
    ensureRefs: beneath('ensure-refs'),
    lfs: beneath('lfs-snapshot.tar.zst'),
    bundle: (base) => {
      const bundle = beneath('snapshot.bundle')
      bundle.searchParams.set('base', base)
      return bundle
    },
  }
}
