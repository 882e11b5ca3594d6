// The least that an action can be which asks a server for something: what start-up is compared with.
import * as core from '@actions/core'
import { request } from 'undici'

const { body } = await request(core.getInput('url'))
await body.dump()
