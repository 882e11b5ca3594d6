import { onTestFinished } from 'vitest'
import { type ObjectServerOptions, startObjectServer } from './object-server.ts'

/** The address of a snapshot that has these bytes, until the running test ends. */
export async function serveArchive(
  bytes: Buffer,
  options: Pick<ObjectServerOptions, 'headers'> = {},
): Promise<string> {
  const server = await startObjectServer({ bytes, ...options })
  onTestFinished(() => server.close())
  return `${server.url}/snapshot.tar.zst`
}
