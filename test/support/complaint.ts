import { expect } from 'vitest'

/** What is said of an input that `parse` refuses. */
export function complaintOf(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_INPUT' })
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}
