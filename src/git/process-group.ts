/** What of a child process is needed here. The pipes are missing where it could not be started. */
interface Leader {
  readonly pid?: number | undefined
  readonly stdout: { destroy(): unknown } | null
  readonly stderr: { destroy(): unknown } | null
}

interface GroupOptions {
  readonly signal: AbortSignal
  /** Where there are no process groups: ends a process and all that it has started, at once. */
  readonly endTree: ((pid: number) => void) | undefined
}

/** A child process leads a group of its own where it was started `detached`. */
export const HAS_PROCESS_GROUPS = process.platform !== 'win32'

const KILL_AFTER_MS = 2_000

/**
 * A child process and what it started, which end when the signal is aborted or this process exits. Release it once
 * the child has closed.
 */
export class ProcessGroup {
  readonly #leader: Leader
  readonly #signal: AbortSignal
  readonly #endTree: GroupOptions['endTree']
  #timer: NodeJS.Timeout | undefined

  constructor(leader: Leader, { signal, endTree }: GroupOptions) {
    this.#leader = leader
    this.#signal = signal
    this.#endTree = endTree
    signal.addEventListener('abort', this.end, { once: true })
    process.once('exit', this.#endNow)
  }

  /** Asks first, and after KILL_AFTER_MS waits no longer. */
  readonly end = (): void => {
    if (this.#timer !== undefined) return
    this.#send('SIGTERM')
    this.#timer = setTimeout(() => {
      this.#send('SIGKILL')
      // A process that left the group may still hold these open.
      this.#leader.stdout?.destroy()
      this.#leader.stderr?.destroy()
    }, KILL_AFTER_MS)
    this.#timer.unref()
  }

  release(): void {
    this.#signal.removeEventListener('abort', this.end)
    process.off('exit', this.#endNow)
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    // Some may have heard nothing, let go of the pipes and gone on.
    if (this.#endTree === undefined) this.#send('SIGKILL')
  }

  /** Nobody will look after the group any more. */
  readonly #endNow = (): void => {
    this.#send('SIGKILL')
  }

  #send(signal: NodeJS.Signals): void {
    const { pid } = this.#leader
    if (pid === undefined) return
    try {
      if (this.#endTree === undefined) process.kill(-pid, signal)
      else this.#endTree(pid)
    } catch {
      // Nobody is left to be ended.
    }
  }
}
