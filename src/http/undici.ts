// What is used of undici, part by part: its index would load fetch, caches and mocks too, a sixth of the time until the
// first request.
import connect from 'undici/lib/api/api-connect.js'
import buildConnector from 'undici/lib/core/connect.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
import Pool from 'undici/lib/dispatcher/pool.js'
import ProxyAgent from 'undici/lib/dispatcher/proxy-agent.js'

// As the index does it: a ProxyAgent opens its tunnels by this.
Object.assign(Dispatcher.prototype, { connect })

export { Agent, buildConnector, Pool, ProxyAgent }
