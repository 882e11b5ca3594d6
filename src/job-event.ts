import { readFile, stat } from 'node:fs/promises'
import type { Environment } from './environment.ts'
import type { JobEvent } from './git/wanted.ts'

/** GitHub sends no payload above 25 MB. */
const MAX_PAYLOAD_BYTES = 32 * 1024 ** 2

/** What the runner says about this job. A payload that is missing, broken or above 32 MiB counts as empty. */
export async function readJobEvent(env: Environment): Promise<JobEvent> {
  return {
    name: env.GITHUB_EVENT_NAME ?? '',
    ref: env.GITHUB_REF ?? '',
    sha: env.GITHUB_SHA ?? '',
    repository: env.GITHUB_REPOSITORY ?? '',
    payload: await readPayload(env.GITHUB_EVENT_PATH ?? ''),
  }
}

async function readPayload(path: string): Promise<JobEvent['payload']> {
  try {
    const found = await stat(path)
    if (!found.isFile() || found.size > MAX_PAYLOAD_BYTES) return {}
    const payload: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isObject(payload) ? payload : {}
  } catch {
    return {}
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
