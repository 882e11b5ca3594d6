import type { Fault } from '../support/fault.ts'
import type { FaultRequest, FaultScript } from '../support/scripted-server.ts'
import { CHUNK, pattern } from './fixture.ts'

export const SIZE = 6 * CHUNK + 5
export const BYTES = pattern(SIZE)
/** A chunk of the middle, and the very last one. */
export const MIDDLE = 2 * CHUNK
export const LAST = 6 * CHUNK
export const MANY = Number.POSITIVE_INFINITY

/** A fault of one chunk, for so many of its requests. */
export function faultAt(
  place: number,
  fault: Fault | ((request: FaultRequest) => Fault),
  times = 1,
): FaultScript {
  let left = times
  return (request) => {
    if (request.start !== place || left === 0) return undefined
    left -= 1
    return typeof fault === 'function' ? fault(request) : fault
  }
}
