import type { Case } from './bench.ts'
import { theAction } from './contestants.ts'
import { actionOptions } from './restore-case.ts'
import { snapshotPath } from './servers.ts'

const WHOLE = 'all files'
const PART = 'a tenth of them'
/** 4,310 of the 47,412 files. */
const DIRECTORY = 'packages/1'

/** A sparse checkout of one directory, beside the whole restore. */
export const sparseCase: Case = {
  name: 'sparse',
  title: 'a tenth of 47,000 small files, by sparse-checkout',
  prepare: async ({ data: store, servers }) => {
    const data = await store.get('files')
    const server = await servers.nginx()
    const whole = actionOptions({ server: 'nginx' }, data, {
      SERVER: server,
      URL: `${server}${snapshotPath(data.repository)}`,
    })
    const part = { ...whole, inputs: { ...whole.inputs, 'sparse-checkout': DIRECTORY } }
    return {
      facts: [`${data.words}; from nginx`],
      quantity: 'wallMs',
      reference: WHOLE,
      contestants: [theAction(WHOLE, whole), theAction(PART, part)],
      goals: [{ of: PART, to: [WHOLE], atMost: 0.4 }],
      skipped: [],
    }
  },
}
