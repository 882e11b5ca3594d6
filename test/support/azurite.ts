import { fork } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

/** `r` to read a blob, `cw` to write it. */
export type Permissions = 'r' | 'cw'

/** Where blobs are kept, and who signs their addresses. */
export type BlobStore = {
  /** The address of a blob, signed for so long by the store's clock; negative for an address that has expired. */
  readonly sign: (blob: string, permissions: Permissions, lifetimeMs: number) => string
}

export type Azurite = BlobStore & {
  readonly put: (blob: string, bytes: Buffer) => Promise<void>
  /** Moves the store's clock ahead: signatures expire by it. */
  readonly advance: (byMs: number) => Promise<void>
  readonly close: () => Promise<void>
}

const PROGRAM = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js')
const CLOCK = new URL('moved-clock.ts', import.meta.url).href
const LISTENS = /successfully listens on (http:\S+)/
const ACCOUNT = 'snapshots'
const CONTAINER = 'cache'
const SIGNATURE_VERSION = '2018-11-09'
const HOUR_MS = 3_600_000

/** Starts a real blob store that keeps everything in memory, with one empty container. */
export async function startAzurite(): Promise<Azurite> {
  const key = randomBytes(64)
  const child = fork(
    PROGRAM,
    ['--blobPort=0', '--silent', '--disableTelemetry', '--skipApiVersionCheck', '--inMemoryPersistence'],
    {
      execArgv: ['--import', CLOCK],
      env: { PATH: process.env.PATH ?? '', AZURITE_ACCOUNTS: `${ACCOUNT}:${key.toString('base64')}` },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  )
  const signer = new Signer(key)
  const address = await listening(child.stdout as NodeJS.ReadableStream)
  const container = `${address}/${ACCOUNT}/${CONTAINER}`
  await put(`${container}?restype=container&${signer.forContainers()}`)
  const sign = (blob: string, permissions: Permissions, lifetimeMs: number): string =>
    `${container}/${blob}?${signer.forBlob(blob, permissions, lifetimeMs)}`
  return {
    sign,
    put: (blob, bytes) => put(sign(blob, 'cw', HOUR_MS), bytes),
    advance: async (byMs) => {
      child.send(byMs)
      const [aheadMs] = await once(child, 'message')
      signer.aheadMs = aheadMs
    },
    close: async () => {
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
  }
}

async function listening(output: NodeJS.ReadableStream): Promise<string> {
  const printed: string[] = []
  for await (const line of createInterface(output)) {
    const [, address] = LISTENS.exec(line) ?? []
    if (address !== undefined) return address
    printed.push(line)
  }
  throw new Error(`azurite ended: ${printed.join('\n')}`)
}

async function put(url: string, bytes: Buffer = Buffer.alloc(0)): Promise<void> {
  const headers = { 'x-ms-blob-type': 'BlockBlob' }
  const { status } = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
  if (status !== 201) throw new Error(`azurite answered ${status} to a PUT`)
}

/** Shared access signatures, as Azure describes them. */
class Signer {
  aheadMs = 0
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  forBlob(blob: string, permissions: Permissions, lifetimeMs: number): string {
    const resource = `/blob/${ACCOUNT}/${CONTAINER}/${blob}`
    const se = this.#expiry(lifetimeMs)
    const signed = [permissions, '', se, resource, '', '', '', SIGNATURE_VERSION, 'b', '', '', '', '', '', '']
    return this.#query({ sp: permissions, se, sr: 'b' }, signed)
  }

  forContainers(): string {
    const se = this.#expiry(HOUR_MS)
    const signed = [ACCOUNT, 'c', 'b', 'c', '', se, '', '', SIGNATURE_VERSION, '']
    return this.#query({ sp: 'c', se, ss: 'b', srt: 'c' }, signed)
  }

  #expiry(lifetimeMs: number): string {
    return new Date(Date.now() + this.aheadMs + lifetimeMs).toISOString()
  }

  #query(fields: Readonly<Record<string, string>>, signed: readonly string[]): string {
    const sig = createHmac('sha256', this.#key).update(signed.join('\n')).digest('base64')
    return new URLSearchParams({ ...fields, sv: SIGNATURE_VERSION, sig }).toString()
  }
}
