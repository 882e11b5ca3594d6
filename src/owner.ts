import { readFile, readlink, rename, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** Which process made a staging directory, and what for. */
export interface Owner {
  readonly pid: number
  /** When it began, as the kernel counts; empty where the system does not tell. Numbers of processes come again. */
  readonly began: string
  /** What the number is of: this boot of this machine, and this container. */
  readonly realm: string
  readonly destination: string
}

const MARKER = 'owner'
/** Less than a process needs from the directory to its marker. */
const UNMARKED_MS = 3_600_000
/** No job of GitHub Actions runs longer, on whatever runner. */
const LONGEST_JOB_MS = 5 * 24 * 3_600_000

/** What has to be removed last, so that a removal that is cut short is known for one. */
export function isMarker(name: string): boolean {
  return name === MARKER
}

/** Cut short, it leaves no marker: one that is half written would be nobody's for an hour. */
export async function markOwn(root: string, destination: string): Promise<void> {
  const { pid } = process
  const owner: Owner = { pid, began: await beginOf(pid), realm: await realm(), destination }
  const marker = join(root, MARKER)
  await writeFile(`${marker}.new`, JSON.stringify(owner), { flag: 'wx', mode: 0o600 })
  await rename(`${marker}.new`, marker)
}

/**
 * Whether the process that made a staging directory is gone. Where that cannot be known, of another boot or another
 * container, it is taken to be gone when this run is for the same destination, or when no job lasts that long.
 */
export async function isAbandoned(root: string, destination: string): Promise<boolean> {
  const { mtimeMs } = await stat(root)
  const ageMs = Date.now() - mtimeMs
  const owner = await ownerOf(root)
  if (owner === undefined) return ageMs > UNMARKED_MS
  const state = await stateOf(owner)
  if (state !== 'unknown') return state === 'gone'
  return owner.destination === destination || ageMs > LONGEST_JOB_MS
}

/** Undefined where no marker is there, or none that can be read. */
export async function ownerOf(root: string): Promise<Owner | undefined> {
  try {
    const { pid, began, realm, destination } = JSON.parse(await readFile(join(root, MARKER), 'utf8')) as Owner
    const isWhole = [began, realm, destination].every((text) => typeof text === 'string')
    return isWhole && Number.isSafeInteger(pid) && pid > 0 ? { pid, began, realm, destination } : undefined
  } catch {
    return undefined
  }
}

async function stateOf(owner: Owner): Promise<'alive' | 'gone' | 'unknown'> {
  if (owner.realm !== (await realm())) return 'unknown'
  if (!isRunning(owner.pid)) return 'gone'
  const began = await beginOf(owner.pid)
  if (began === '' || owner.began === '') return owner.pid === process.pid ? 'alive' : 'unknown'
  return began === owner.began ? 'alive' : 'gone'
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Field 22 of what Linux tells of a process; its name, in brackets, may have blanks. */
async function beginOf(pid: number): Promise<string> {
  const fields = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

async function realm(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const processes = await readlink('/proc/self/ns/pid').catch(() => '')
  return boot === '' ? hostname() : `${boot.trim()} ${processes}`
}
