const EVERY_MS = 5_000

/** What git says many times a second while it counts; its last word on it ends in `done.` and is none of these. */
const COUNTING = /\d+% \(\d+\/\d+\)(?:, [\d.]+ [KMGT]?i?B(?:ytes)?(?: \| [\d.]+ [KMGT]?i?B\/s)?)?$/

/** Hands on what git says, and of how far it is at most one line every 5 s. */
export function thinned(log: (line: string) => void): (line: string) => void {
  let saidAt = performance.now()
  return (line) => {
    const now = performance.now()
    if (COUNTING.test(line.trimEnd())) {
      if (now - saidAt < EVERY_MS) return
      saidAt = now
    }
    log(line)
  }
}
