import type { Written } from './writers.ts'

/** The index records of written files, by their numbers, as the writers gave them. */
export class IndexRecords {
  readonly #results: Pick<Written, 'records' | 'recordBytes'>[] = []
  /** For each file: which result has its record, from 1, and where in that it is. */
  #places = new Uint32Array(2 * 1024)

  add({ files, records, recordBytes }: Written): void {
    this.#results.push({ records, recordBytes })
    for (let i = 0; i < files.length; i += 1) {
      const at = 2 * (files[i] ?? 0)
      if (at >= this.#places.length) this.#grow(at)
      this.#places[at] = this.#results.length
      this.#places[at + 1] = i * recordBytes
    }
  }

  of(file: number): Uint8Array | undefined {
    const result = this.#results[(this.#places[2 * file] ?? 0) - 1]
    const at = this.#places[2 * file + 1] ?? 0
    return result?.records.subarray(at, at + result.recordBytes)
  }

  #grow(needed: number): void {
    const grown = new Uint32Array(2 * Math.max(needed, this.#places.length))
    grown.set(this.#places)
    this.#places = grown
  }
}
