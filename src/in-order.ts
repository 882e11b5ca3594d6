import { Bell } from './bell.ts'

/** Work that has begun: what the consumer gets for it, and when it no longer counts as active. */
export interface Job<T> {
  readonly value: T
  readonly done: Promise<unknown>
}

export interface RunAhead {
  /** At most this many jobs run at a time. */
  readonly active: number
  /** At most this many jobs run or wait for their turn together. */
  readonly window: number
  /** Makes the inputs and the running jobs end soon; called once, when the consumer stops or a job fails. */
  readonly cancel: (reason: unknown) => void
}

/**
 * Begins jobs ahead of the consumer and yields their values in the order of the inputs.
 * The first job or input that fails ends everything at once. Nothing runs on once this has returned.
 */
export async function* inOrder<In, Out>(
  inputs: AsyncIterable<In> | Iterable<In>,
  begin: (input: In) => Job<Out>,
  { active: maxActive, window, cancel }: RunAhead,
): AsyncGenerator<Out, void, undefined> {
  const bell = new Bell()
  const queue: Out[] = []
  const running = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let stopped = false

  const fail = (error: unknown): void => {
    if (!stopped) failure ??= { error }
    stop(error)
  }
  const stop = (reason: unknown): void => {
    if (!stopped) {
      stopped = true
      cancel(reason)
    }
    bell.ring()
  }
  const start = (input: In): void => {
    const { value, done } = begin(input)
    queue.push(value)
    const finished = done.then(undefined, fail).then(() => {
      running.delete(finished)
      bell.ring()
    })
    running.add(finished)
    bell.ring()
  }
  const feed = async (): Promise<void> => {
    for await (const input of inputs) {
      while (!stopped && (running.size >= maxActive || queue.length >= window)) await bell.wait()
      if (stopped) return
      start(input)
    }
  }

  let fed = false
  const feeding = feed()
    .catch(fail)
    .finally(() => {
      fed = true
      bell.ring()
    })
  try {
    for (;;) {
      while (queue.length === 0 && !fed && failure === undefined) await bell.wait()
      if (failure !== undefined) throw failure.error
      const value = queue[0]
      if (value === undefined) return
      yield value
      queue.shift()
      bell.ring()
    }
  } finally {
    stop(new Error('the consumer stopped'))
    await feeding
    await Promise.all(running)
  }
}
