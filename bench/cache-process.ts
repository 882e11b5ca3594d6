import { startAzurite } from '../test/support/azurite.ts'
import { startCacheService } from '../test/support/cache-service.ts'
import { startNginx } from '../test/support/nginx.ts'
import { LIMIT_RATE } from './servers.ts'

// The Actions cache of one run, in a process of its own: a real blob store behind an nginx that gives each connection
// so much, and the service that signs its addresses. What is saved goes past nginx.

const azurite = await startAzurite()
const blobs = new URL(azurite.sign('any', 'r', 1))
const nginx = await startNginx({ root: blobs, limitRate: LIMIT_RATE })
if (nginx === undefined) throw new Error('nginx is not on PATH')
const sign = (...given: Parameters<typeof azurite.sign>): string => {
  const address = new URL(azurite.sign(...given))
  return given[1] === 'r' ? `${nginx.url}${address.pathname}${address.search}` : address.href
}
const service = await startCacheService({ store: { sign } })
process.send?.(JSON.stringify(service.env))
process.once('disconnect', async () => {
  await service.close()
  await nginx.close()
  await azurite.close()
})
