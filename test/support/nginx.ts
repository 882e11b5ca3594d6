import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'
import { freePort, startChildServer } from './child-server.ts'
import { findProgram } from './programs.ts'

export type Nginx = {
  readonly url: string
  /** The same over TLS, where a certificate was given. */
  readonly secureUrl: string | undefined
  readonly close: () => Promise<void>
}

export type NginxOptions = {
  /** The directory whose files are served, or the address of a server that all requests are handed on to. */
  readonly root: string | URL
  /** The most that one connection gets, in bytes per second; default no limit. */
  readonly limitRate?: number
  /** One for localhost: then the files are served over TLS too. */
  readonly certificate?: Certificate
}

/** The server's own files, and where it listens. */
type Setup = { readonly directory: string; readonly port: number; readonly securePort: number | undefined }

/** Serves a directory, or what another server has, with a real nginx on a free port; undefined where nginx is not installed. */
export async function startNginx(options: NginxOptions): Promise<Nginx | undefined> {
  const program = findProgram('nginx')
  if (program === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'nginx-'))
  const port = await freePort()
  const securePort = options.certificate === undefined ? undefined : await freePort()
  const configuration = join(directory, 'nginx.conf')
  await writeFile(join(directory, 'key.pem'), options.certificate?.key ?? '')
  await writeFile(join(directory, 'cert.pem'), options.certificate?.cert ?? '')
  await writeFile(configuration, configure(options, { directory, port, securePort }))
  const stop = await startChildServer({
    program,
    args: ['-p', directory, '-e', join(directory, 'error.log'), '-c', configuration],
    readyUrl: `http://127.0.0.1:${port}/`,
    isReady: (status) => status > 0,
  })
  const close = async () => {
    await stop()
    await rm(directory, { recursive: true, force: true })
  }
  const secureUrl = securePort === undefined ? undefined : `https://localhost:${securePort}`
  return { url: `http://127.0.0.1:${port}`, secureUrl, close }
}

function handingOn({ origin, host }: URL): string {
  return `location / {
      proxy_pass ${origin};
      proxy_http_version 1.1;
      proxy_set_header Host ${host};
      proxy_max_temp_file_size 0;
    }`
}

function configure({ root, limitRate }: NginxOptions, { directory, port, securePort }: Setup): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const tls = `listen 127.0.0.1:${securePort} ssl;
    ssl_certificate "${directory}/cert.pem";
    ssl_certificate_key "${directory}/key.pem";`
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid "${directory}/nginx.pid";
error_log "${directory}/error.log";
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  ${temporary.map((name) => `${name}_temp_path "${directory}/${name}";`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    ${securePort === undefined ? '' : tls}
    ${root instanceof URL ? handingOn(root) : `root "${root}";`}
    ${limitRate === undefined ? '' : `limit_rate ${limitRate};`}
  }
}
`
}
