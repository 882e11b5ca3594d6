/** What begins the patterns of every cone: the files at the top, and no directory. */
const TOP = ['/*', '!/*/']

/**
 * The directories of a sparse checkout in cone mode. Paths are latin1 of their bytes. Git may take upper and lower case
 * for one: what differs in that alone is in the cone, which costs time at worst, as git removes what it leaves out.
 */
export class Cone {
  /** Everything below them is in the cone. */
  readonly #whole: ReadonlySet<string>
  /** Of these only their own files are. */
  readonly #parents: ReadonlySet<string>
  #last = { directory: '', isInside: true }

  constructor(whole: Iterable<string>, parents: Iterable<string>) {
    const directories = [...whole].map(folded)
    this.#whole = new Set(directories)
    this.#parents = new Set([...[...parents].map(folded), ...directories.flatMap(ancestorsOf)])
  }

  hasFile(path: string): boolean {
    const slash = path.lastIndexOf('/')
    return slash === -1 || this.hasDirectory(path.slice(0, slash))
  }

  /** Whether the files of a directory below the top are in the cone. */
  hasDirectory(directory: string): boolean {
    if (directory !== this.#last.directory) this.#last = { directory, isInside: this.#looksUp(directory) }
    return this.#last.isInside
  }

  #looksUp(directory: string): boolean {
    const path = folded(directory)
    if (this.#whole.has(path) || this.#parents.has(path)) return true
    return ancestorsOf(path).some((ancestor) => this.#whole.has(ancestor))
  }
}

/**
 * The cone of the patterns that `git sparse-checkout set` wrote (`.git/info/sparse-checkout`, as latin1). Undefined
 * where they are not those of a cone, or have more in them than plain names.
 */
export function coneOf(patterns: string): Cone | undefined {
  const [top, below, ...lines] = patterns.replace(/\n$/, '').split('\n')
  if (top !== TOP[0] || below !== TOP[1]) return undefined
  const [whole, parents] = [new Set<string>(), new Set<string>()]
  for (const line of lines) {
    const [, directory, parent] = /^\/([^\\*?[\]]+)\/$|^!\/([^\\*?[\]]+)\/\*\/$/.exec(line) ?? []
    if (directory !== undefined) whole.add(directory)
    else if (parent !== undefined && whole.delete(parent)) parents.add(parent)
    else return undefined
  }
  return new Cone(whole, parents)
}

function folded(path: string): string {
  return path.toLowerCase()
}

function ancestorsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1)
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
