import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { git, gitBytes } from '../support/git-repo.ts'

/** Every object in a file of its own. */
export async function loosen(tree: string): Promise<void> {
  const packs = join(tree, '.git/objects/pack')
  const files = readdirSync(packs).filter((name) => name.endsWith('.pack'))
  const contents = files.map((name) => readFileSync(join(packs, name)))
  rmSync(packs, { recursive: true })
  for (const bytes of contents) await gitBytes(tree, ['unpack-objects', '-q'], bytes)
}

/** Has a loose object hold something else than its name says. */
export function forge(tree: string, id: string, kind: 'blob' | 'tree' | 'tag', content: Buffer): void {
  const object = join(tree, '.git/objects', id.slice(0, 2), id.slice(2))
  chmodSync(object, 0o644)
  writeFileSync(object, deflateSync(Buffer.concat([Buffer.from(`${kind} ${content.length}\0`), content])))
}

export async function write(tree: string, kind: 'blob' | 'tree', content: Buffer): Promise<string> {
  const id = await gitBytes(tree, ['hash-object', '-t', kind, '-w', '--literally', '--stdin'], content)
  return id.toString().trim()
}

export async function objectNames(tree: string): Promise<readonly string[]> {
  const all = await git(tree, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)')
  return all.split('\n')
}

/** Moves a pack of these objects, as they are now, to a directory beside the tree; `name` is what it is called there. */
export async function packAside(tree: string, names: readonly string[], name: string): Promise<string> {
  const aside = `${tree}-pack-${name.slice(0, 1)}`
  mkdirSync(aside)
  const base = join(aside, 'pack')
  const input = Buffer.from(`${names.join('\n')}\n`)
  const made = (await gitBytes(tree, ['pack-objects', '-q', '--window=0', base], input)).toString().trim()
  for (const file of readdirSync(aside)) {
    renameSync(join(aside, file), join(aside, file.replace(made, name)))
  }
  return aside
}

/** Leaves a tree's objects in nothing but these packs. */
export function keepOnly(tree: string, packs: readonly string[]): void {
  const objects = join(tree, '.git/objects')
  for (const name of readdirSync(objects)) rmSync(join(objects, name), { recursive: true })
  mkdirSync(join(objects, 'pack'))
  for (const aside of packs) {
    for (const file of readdirSync(aside)) renameSync(join(aside, file), join(objects, 'pack', file))
  }
}

/** The bytes of one entry of a tree. */
export function treeEntry(mode: string, name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])
}
