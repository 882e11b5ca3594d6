/**
 * Whether a name or a path, in slashes, means the same on every disk and to every version of git: nothing in it leads
 * out, into a `.git`, or could be an option.
 */
export function isPlain(path: string): boolean {
  return path.split('/').every(isPlainComponent)
}

function isPlainComponent(component: string): boolean {
  return /^[\w.+@][\w.+@ -]*$/.test(component) && !/[. ]$|^\.git$|\.lock$/i.test(component)
}

/** Whether neither of two is the other, or lies in it, on a disk that takes upper and lower case for one. */
export function areApart(one: string, other: string): boolean {
  const [first, second] = [`${one.toLowerCase()}/`, `${other.toLowerCase()}/`]
  return !first.startsWith(second) && !second.startsWith(first)
}
