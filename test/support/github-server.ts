import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { gitHttpAnswer } from './git-http.ts'
import { lfsAnswer } from './git-lfs-http.ts'
import { type FaultScript, type Reply, type ScriptedServer, startScriptedServer } from './scripted-server.ts'
import { textAnswer } from './stored-object.ts'

export type GithubServerOptions = {
  /** Where the bare repositories are: `<upstreams>/<this server's host>/<owner>/<name>.git`. */
  readonly upstreams: string
  /** Who does not come with it is asked for it; without one everybody is let in. */
  readonly token?: string
  readonly fault?: FaultScript
}

export type GithubServer = ScriptedServer & {
  /** With its port, as in the paths of the snapshot server. */
  readonly host: string
}

/** What a job sends that has the token. */
export function basicCredential(token: string): string {
  return Buffer.from(`x-access-token:${token}`).toString('base64')
}

/** A git host that speaks smart HTTP and LFS, at `/<owner>/<name>` with or without `.git`. */
export async function startGithubServer(options: GithubServerOptions): Promise<GithubServer> {
  const server = await startScriptedServer((request, gone) => answer(request, gone, options), options.fault)
  return { ...server, host: new URL(server.url).host }
}

async function answer(
  request: IncomingMessage,
  gone: AbortSignal,
  { upstreams, token }: GithubServerOptions,
): Promise<Reply> {
  const host = request.headers.host ?? ''
  const { pathname, search } = new URL(request.url ?? '/', 'http://server')
  const [, name = '', rest = ''] = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(.+)$/.exec(pathname) ?? []
  if (name === '' || name.includes('..') || rest.includes('..')) return textAnswer(404, 'Not Found\n')
  if (token !== undefined && !isLetIn(request, token)) {
    return textAnswer(401, 'Authentication required\n', { 'www-authenticate': 'Basic realm="GitHub"' })
  }
  const root = join(upstreams, host)
  if (rest.startsWith('info/lfs/')) {
    return lfsAnswer(request, {
      repository: join(root, `${name}.git`),
      url: `http://${host}/${name}.git`,
      rest,
    })
  }
  return gitHttpAnswer({ root, path: `/${name}.git/${rest}`, query: search, request, gone })
}

function isLetIn({ headers }: IncomingMessage, token: string): boolean {
  const [scheme = '', credential] = (headers.authorization ?? '').split(' ')
  return scheme.toLowerCase() === 'basic' && credential === basicCredential(token)
}
