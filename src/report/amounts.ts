/** How long something took. */
export function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : formatSeconds(ms)
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/** In words that round down. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`
  if (minutes < 120) return `${minutes} min`
  return minutes < 2 * 24 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60 / 24)} days`
}

/** 10^6 bytes. */
export function formatMegabytes(bytes: number): string {
  const megabytes = bytes / 1e6
  return `${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB`
}

export function formatRate(bytes: number, ms: number): string {
  const rate = megabytesPerSecond(bytes, ms)
  return `${rate.toFixed(rate < 10 ? 1 : 0)} MB/s`
}

export function megabytesPerSecond(bytes: number, ms: number): number {
  return ms === 0 ? 0 : bytes / 1000 / ms
}

/** With commas between thousands; Intl would take 15 ms to load for it. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** With a plural where it is not one: `1 retry`, `2 retries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`
}
