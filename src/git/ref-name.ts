export const BRANCHES = 'refs/heads/'
export const TAGS = 'refs/tags/'
/** Where a clone keeps what its origin's branches were. */
export const ORIGIN_BRANCHES = 'refs/remotes/origin/'

/** The branch that a full ref is; undefined for any other ref. */
export function branchIn(ref: string): string | undefined {
  return ref.startsWith(BRANCHES) ? ref.slice(BRANCHES.length) : undefined
}

/** Whether it can be a branch, a tag or a full ref: never what git would take for an option. */
export function isRefName(name: string): boolean {
  if (name === '@' || !name.isWellFormed()) return false
  const isOption = (branchIn(name) ?? name).startsWith('-')
  return !isOption && isRefPath(name)
}

/** What `git check-ref-format` allows with slashes inside. As below. */
export function isRefPath(name: string): boolean {
  return name.split('/').every(isRefComponent) && !name.endsWith('.')
}

/** What it allows between two slashes. The name is text, or a raw one's bytes as latin1. */
export function isRefComponent(component: string): boolean {
  return /^[!-~\u0080-\uffff]+$/.test(component) && !/^\.|[~^:?*[\\]|\.\.|@\{|\.lock$/.test(component)
}

/** Whether the part of a ref behind `refs/` is that of replacements, or some disk takes it for that. */
export function isReplace(component: string): boolean {
  return component.replace(/[^!-~]|\.+$/g, '').toLowerCase() === 'replace'
}

/** Whether it is a commit's whole name, in SHA-1 or SHA-256. */
export function isCommitName(name: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(name)
}
