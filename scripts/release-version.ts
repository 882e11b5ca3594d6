/** What a version goes through, the last one being the version itself. */
const STAGES: readonly string[] = ['alpha', 'beta', 'rc', '']

/** A version as its tag names it, v1.2.3 or before that v1.2.3-rc.1; `order` is what compares. */
export interface Version {
  readonly tag: string
  readonly isPrerelease: boolean
  readonly order: readonly [major: number, minor: number, patch: number, stage: number, count: number]
}

/** The version that a text is, with or without a "v" before it; undefined where it is none. */
export function versionOf(text: string): Version | undefined {
  const parts = /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(alpha|beta|rc)\.(0|[1-9]\d*))?$/.exec(text)
  if (parts === null) return undefined
  const [, major, minor, patch, stage = '', count = '0'] = parts
  return {
    tag: `v${text.replace(/^v/, '')}`,
    isPrerelease: stage !== '',
    order: [Number(major), Number(minor), Number(patch), STAGES.indexOf(stage), Number(count)],
  }
}

/** Below zero where `a` comes before `b`. */
export function compareVersions(a: Version, b: Version): number {
  return (
    a.order.map((part, index) => part - (b.order[index] ?? 0)).find((difference) => difference !== 0) ?? 0
  )
}

/** The version that the argument of a script is. */
export function requireVersion(text: string | undefined): Version {
  const version = versionOf(text ?? '')
  if (version === undefined) throw new Error(`"${text ?? ''}" is no version: say it as v1.2.3 or v1.2.3-rc.1`)
  return version
}

/** The last one that is no prerelease, or undefined. */
export function newestStable(versions: readonly Version[]): Version | undefined {
  return versions
    .filter(({ isPrerelease }) => !isPrerelease)
    .toSorted(compareVersions)
    .at(-1)
}

/** What a version follows: the last one before it, and where it is no prerelease, the last that was none either. */
export function versionBefore(version: Version, versions: readonly Version[]): Version | undefined {
  const earlier = versions.filter((other) => compareVersions(other, version) < 0)
  return version.isPrerelease ? earlier.toSorted(compareVersions).at(-1) : newestStable(earlier)
}

/**
 * The tags that have to name this version now: v1.2 where nothing of 1.2 is newer, v1 where nothing of 1 is.
 * None where it is a prerelease: who follows v1 gets what is finished.
 */
export function tagsToMove(version: Version, released: readonly Version[]): readonly string[] {
  const [major, minor] = version.order
  return [[major], [major, minor]]
    .filter((line) => {
      const inLine = released.filter(({ order }) => line.every((part, index) => part === order[index]))
      return newestStable(inLine)?.tag === version.tag
    })
    .map((line) => `v${line.join('.')}`)
}
