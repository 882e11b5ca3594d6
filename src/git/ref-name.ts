/** What `git check-ref-format` refuses in a name: the last one is a component that starts with a dot. */
const FORBIDDEN = [
  /(?=\p{ASCII})[\p{Cc} ~^:?*[\\]/u,
  /\.\./,
  /@\{/,
  /^\/|\/\/|\/$/,
  /\.$/,
  /\.lock(\/|$)/,
  /(^|\/)\./,
]

/** Whether it can be a branch, a tag or a full ref: never what git would take for an option. */
export function isRefName(name: string): boolean {
  if (name === '' || name === '@' || !name.isWellFormed()) return false
  const isOption = name.startsWith('-') || name.startsWith('refs/heads/-')
  return !isOption && !FORBIDDEN.some((pattern) => pattern.test(name))
}

/** Whether it is a commit's whole name, in SHA-1 or SHA-256. */
export function isCommitName(name: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(name)
}
