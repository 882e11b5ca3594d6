import { formatDuration } from './amounts.ts'
import type { Span, StageName, StageWatch } from './timeline.ts'

/** The commands of the runner that a log is made with. */
export interface Printer {
  readonly line: (text: string) => void
  readonly warning: (text: string, title: string) => void
  readonly openGroup: (title: string) => void
  readonly closeGroup: () => void
}

/** Stages overlap, groups cannot: a stage that is not here is told of in the group that is open. */
const TITLES: Partial<Record<StageName, string>> = {
  'find commit': 'Find the commit',
  reuse: 'Prepare the clone that is there',
  open: 'Restore the snapshot',
  fetch: 'Fetch from the GitHub server',
  'check out': 'Check out',
  lfs: 'Fetch the files of Git LFS',
  submodules: 'Check out submodules',
}

/** A step's log: one group after the other, and each stage's line when it ends. Close it, or a group stays open. */
export class StepLog implements StageWatch {
  readonly #print: Printer
  #title: string | undefined
  #isClosed = false

  constructor(print: Printer) {
    this.#print = print
  }

  readonly line = (text: string): void => this.#print.line(text)

  /** Not in a group, where nobody would see it. */
  readonly warn = (text: string, title: string): void => {
    this.#endGroup()
    this.#print.warning(text, title)
  }

  begun(stage: StageName): void {
    const title = TITLES[stage]
    if (title === undefined || title === this.#title || this.#isClosed) return
    this.#endGroup()
    this.#title = title
    this.#print.openGroup(title)
  }

  ended({ stage, startMs, endMs }: Span, what: string | undefined): void {
    if (this.#isClosed) return
    const said = what === undefined ? stage : `${stage}: ${what}`
    this.line(`${said} (${formatDuration(endMs - startMs)})`)
  }

  /** From now on there are no groups, nor is anything said of stages. */
  close(): void {
    this.#endGroup()
    this.#isClosed = true
  }

  #endGroup(): void {
    if (this.#title !== undefined) this.#print.closeGroup()
    this.#title = undefined
  }
}
