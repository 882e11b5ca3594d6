/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which this part (0 to 1) of the values lies, between neighbours in proportion; NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  const place = part * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  if (below === undefined || above === undefined) return Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** How far the middle half of the values reaches. */
export function interquartileRange(values: readonly number[]): number {
  return quantile(values, 0.75) - quantile(values, 0.25)
}

/** What came in the same round, one by the other: what slows the whole machine down for a while cancels out. */
export function pairwiseRatios(of: readonly number[], to: readonly number[]): readonly number[] {
  return of.flatMap((value, round) => {
    const other = to[round]
    return other === undefined ? [] : [value / other]
  })
}
