import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Certificate } from '../support/certificate.ts'

const CONFIGURATION = (host: string): string => `
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = DNS:${host}
`

/** A certificate that signed itself, for one host name, and was valid for a day in 2020. Needs openssl. */
export async function expired(host: string): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'certificate-'))
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: directory })
  try {
    await writeFile(join(directory, 'ca.cnf'), CONFIGURATION(host))
    await writeFile(join(directory, 'index.txt'), '')
    await writeFile(join(directory, 'serial'), '01\n')
    await openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', `/CN=${host}`, '-keyout', 'key.pem', '-out', 'request.pem'],
    )
    await openssl(
      ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-selfsign', '-keyfile', 'key.pem'],
      ...['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'],
      ...['-in', 'request.pem', '-out', 'cert.pem'],
    )
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFile(join(directory, name), 'utf8'))
    return { key: (await key) ?? '', cert: (await cert) ?? '' }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** As NODE_EXTRA_CA_CERTS does for a process from its start, for the running test. */
export function trust({ cert }: Certificate): void {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, cert])
  onTestFinished(() => setDefaultCACertificates(before))
}
