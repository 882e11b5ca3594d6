/** A promise settled from outside, for tests that decide when something may go on. */
export type Deferred<T = void> = {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

export function deferred<T = void>(): Deferred<T> {
  return Promise.withResolvers<T>()
}

/** What is waited for where nothing may go on. */
export const never = new Promise<never>(() => {})
