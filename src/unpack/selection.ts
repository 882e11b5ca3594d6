import type { EntryKind } from './tar.ts'

/**
 * Which entries outside of `.git` are written. Paths as the policy gives them, latin1. Entries that are not written are
 * held to the policy all the same.
 */
export type Selection = (path: string, kind: EntryKind) => boolean

export const EVERYTHING: Selection = () => true
export const NOTHING: Selection = () => false

/** A part of a tree, told by its directories and by its files. */
export interface Part {
  readonly hasDirectory: (path: string) => boolean
  readonly hasFile: (path: string) => boolean
}

export function selectionOf(part: Part): Selection {
  return (path, kind) => (kind === 'directory' ? part.hasDirectory(path) : part.hasFile(path))
}

export function withoutSymlinks(selection: Selection): Selection {
  return (path, kind) => kind !== 'symlink' && selection(path, kind)
}
