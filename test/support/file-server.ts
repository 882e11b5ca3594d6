import { fork } from 'node:child_process'
import { once } from 'node:events'
import { basename, dirname } from 'node:path'
import { startNginx } from './nginx.ts'
import { startObjectServer } from './object-server.ts'

export type FileServer = { readonly url: string; readonly close: () => Promise<void> }

/** Serves one file from a process of its own: nginx where it is installed, this module elsewhere. */
export async function serveFileApart(file: string): Promise<FileServer> {
  const nginx = await startNginx({ root: dirname(file) })
  if (nginx !== undefined) return { ...nginx, url: `${nginx.url}/${basename(file)}` }
  const child = fork(import.meta.filename, [file])
  const [url] = (await once(child, 'message')) as [string]
  const close = async () => {
    child.disconnect()
    await once(child, 'exit')
  }
  return { url: `${url}/${basename(file)}`, close }
}

if (process.argv[1] === import.meta.filename) {
  const server = await startObjectServer({ file: process.argv[2] ?? '' })
  process.once('disconnect', () => server.close())
  process.send?.(server.url)
}
