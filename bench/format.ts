import type { Quantity } from './results.ts'

/** A measured value with its unit; a dash where nothing was measured. */
export function formatValue(quantity: Quantity, value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-'
  return quantity === 'peakBytes' ? formatMebibytes(value) : formatDuration(value)
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms.toFixed(0)} ms`
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

export function formatMebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`
}

export function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined || Number.isNaN(ratio) ? '-' : ratio.toFixed(2)
}

export function formatCount(count: number): string {
  return count.toLocaleString('en')
}
