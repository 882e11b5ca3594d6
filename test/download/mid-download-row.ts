import type { Fault } from '../support/fault.ts'
import { objectFor, PLACES, type Place, type Subject } from './place.ts'

/** One fault, and what becomes of a download that meets it. */
export interface Row {
  readonly id: string
  readonly what: string
  readonly subject: Subject
  readonly fault: (place: Place, range: { readonly start: number; readonly end: number }) => Fault
}

/** Each row at every place that it may happen at, and the name of its test. */
export function rows<R extends Row>(all: readonly R[]): { row: R; place: Place; name: string }[] {
  return all.flatMap((row) =>
    PLACES.map(([at, place]) => ({ row, place, name: `${row.id}: ${row.what} (${at})` })),
  )
}

/** A Content-Range from one byte up to, not including, another. */
export function contentRange(from: number, to: number, place: Place): Fault {
  return { contentRange: `bytes ${from}-${to - 1}/${objectFor(place).length}`, chunked: true }
}

export function whole(): Fault {
  return { ignoreRange: true }
}
