import { readFileSync } from 'node:fs'

/** Rare enough to cost less than 0.3 % of a core, and the kernel keeps the peak meanwhile. */
const EVERY_MS = 50

/**
 * Watches how much memory the largest process of a tree ever had, until it is asked. What a process took in the last
 * 50 ms of its life may be missed. Undefined where there is no /proc.
 */
export function watchPeak(pid: number): () => number | undefined {
  let peakBytes = 0
  const look = (): void => {
    for (const each of treeOf(pid)) peakBytes = Math.max(peakBytes, peakOf(each))
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  return () => {
    clearInterval(timer)
    return peakBytes || undefined
  }
}

/** The process and its descendants, as far as main threads started them, which all of these programs' do. */
function treeOf(pid: number): readonly number[] {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))]
}

/** The kernel's own peak of resident memory: 0 of a process that has ended. */
function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
