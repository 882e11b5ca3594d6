// For `node --import`: the program's clock goes ahead by the milliseconds that its parent sends. It ends with its parent.
const SystemDate = Date
let aheadMs = 0

class MovedDate extends SystemDate {
  constructor(...parts: [] | [value: number | string | Date]) {
    super(...((parts.length === 0 ? [MovedDate.now()] : parts) as [number]))
  }

  static override now(): number {
    return SystemDate.now() + aheadMs
  }
}

globalThis.Date = MovedDate as DateConstructor

process.on('message', (byMs: number) => {
  aheadMs += byMs
  process.send?.(aheadMs)
})
process.on('disconnect', () => process.exit())
