export interface Repository {
  readonly owner: string
  readonly name: string
}

/** All that GitHub allows in a name: nothing of it can lead to another path of a server. */
const REPOSITORY = /^(?<owner>[\w.-]+)\/(?<name>[\w.-]+?)(?:\.git)?\/?$/
const UNFIT = /^\.+$|\.git$/i

/**
 * The repository of a GitHub server that a submodule's address means, in one of the forms that git is led to that
 * server by. Undefined for any other address, and for whatever is not spelled plainly.
 */
export function repositoryAt(address: string, server: URL): Repository | undefined {
  const { owner, name } = REPOSITORY.exec(pathAt(address, server) ?? '')?.groups ?? {}
  if (owner === undefined || name === undefined) return undefined
  return UNFIT.test(owner) || UNFIT.test(name) ? undefined : { owner, name }
}

/** What follows the server in an address; undefined where that is not this server. */
function pathAt(address: string, { origin, hostname }: URL): string | undefined {
  const plain = address.replace(/^org-\d+@github\.com:/, 'git@github.com:')
  const starts = [`${origin}/`, `git@${hostname}:`, `ssh://git@${hostname}/`]
  const start = starts.find((each) => plain.startsWith(each))
  return start === undefined ? undefined : plain.slice(start.length)
}
