import type { Environment } from '../environment.ts'
import { type Bearer, type Headers, HttpClient, type Secrets } from '../http/client.ts'
import type { Tracer } from '../http/tracer.ts'
import { secretHeaders } from '../inputs/request-headers.ts'
import type { Inputs } from '../inputs.ts'
import type { CachewLocation, Location } from '../snapshot/locate.ts'
import { PATIENCE } from './patience.ts'

/** A bundle and a word to the server, beside the download, whose connections are all in use. */
const SHORTCUT_CONNECTIONS = 2

export interface MirrorOptions {
  readonly inputs: Pick<Inputs, 'authorization' | 'headers' | 'servers' | 'concurrency'>
  readonly env: Environment
  /** Of the token that servers and URLs want; the Actions cache has its own. */
  readonly bearer: Bearer | undefined
  readonly tracer?: Tracer | undefined
}

interface Connections extends Pick<Mirror, 'client' | 'shortcutClient'> {
  readonly secrets: Secrets
}

/** One place where the snapshot may be, and the connections to it: they know no other place's secrets. Close it. */
export class Mirror {
  readonly location: Location
  readonly client: HttpClient
  readonly shortcutClient: HttpClient
  readonly #secrets: Secrets

  private constructor(location: Location, { secrets, client, shortcutClient }: Connections) {
    this.location = location
    this.#secrets = secrets
    this.client = client
    this.shortcutClient = shortcutClient
  }

  static at(location: Location, { inputs, env, bearer, tracer }: MirrorOptions): Mirror {
    const secrets = secretsFor(location, inputs, bearer)
    const options = { env, secrets, connectTimeoutMs: PATIENCE.connectTimeoutMs, tracer }
    const client = new HttpClient({ ...options, connections: inputs.concurrency })
    const shortcutClient = new HttpClient({ ...options, connections: SHORTCUT_CONNECTIONS })
    return new Mirror(location, { secrets, client, shortcutClient })
  }

  /** For another repository of the same server, over the same connections: only one of the two is to be closed. */
  beside(location: CachewLocation): Mirror {
    const { client, shortcutClient } = this
    return new Mirror(location, { secrets: this.#secrets, client, shortcutClient })
  }

  /** How messages call it. */
  get origin(): string {
    return this.#secrets.origin
  }

  /** What another program is to say to this origin, and to nobody else. */
  async secretHeaders(): Promise<Headers> {
    const { headers, bearer } = this.#secrets
    return bearer === undefined ? headers : { ...headers, authorization: `Bearer ${await bearer.token()}` }
  }

  async close(): Promise<void> {
    await Promise.all([this.client.close(), this.shortcutClient.close()])
  }
}

/**
 * What may be said to whom: the inputs' headers are for their servers, the job's token for the cache service. Whoever
 * keeps a job from the https servers of a list is not to be told in the clear what was meant for them.
 */
function secretsFor(
  location: Location,
  inputs: MirrorOptions['inputs'],
  bearer: Bearer | undefined,
): Secrets {
  if (location.kind === 'actions-cache') return location.service.secrets
  const { origin, protocol } = location.url
  const isLess = protocol === 'http:' && inputs.servers.some((server) => server.protocol === 'https:')
  return isLess ? { origin, headers: {} } : { origin, headers: secretHeaders(inputs), bearer }
}
