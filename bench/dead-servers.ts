// Servers of no use, in a process of its own: `fork(file)`, then their addresses by what is wrong with each come as a
// message in JSON. It ends with the process that forked it.
import { startBlackHole } from '../test/support/black-hole.ts'
import { freePort } from '../test/support/child-server.ts'
import { never } from '../test/support/deferred.ts'
import type { Fault } from '../test/support/fault.ts'
import { startScriptedServer } from '../test/support/scripted-server.ts'
import { textAnswer } from '../test/support/stored-object.ts'

/** What is wrong below a path of this name. */
const FAULTS: Readonly<Record<string, Fault>> = {
  silent: { hold: never },
  'not-found': { status: 404 },
  refusing: { status: 403 },
  failing: { status: 503 },
  garbage: { raw: 'garbage\r\n\r\n' },
  page: { body: '<html>log in</html>' },
}

process.on('SIGINT', () => {})
const hole = await startBlackHole()
const server = await startScriptedServer(
  () => textAnswer(200, ''),
  ({ path }) => FAULTS[path.split('/')[1] ?? ''],
)
process.once('disconnect', () => Promise.all([hole.close(), server.close()]).then(() => process.exit()))
const answering = Object.keys(FAULTS).map((name) => [name, `${server.url}/${name}`])
process.send?.(
  JSON.stringify({
    closed: `http://127.0.0.1:${await freePort()}`,
    unknown: 'http://nobody.invalid',
    unreachable: `http://127.0.0.1:${hole.port}`,
    'bad-tls': server.url.replace('http:', 'https:'),
    ...Object.fromEntries(answering),
  }),
)
