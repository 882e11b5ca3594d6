import { formatDuration } from '../report/amounts.ts'
import type { Span, StageName } from '../report/timeline.ts'

/** More bars than that are a wall; the longest stay. */
const MOST_BARS = 12
/** A bar of less than this part of the chart cannot be seen. */
const LEAST_PART = 0.004
/** A first bar that begins within this part of the chart begins at its left, or the axis would have no 0. */
const LEFT_PART = 0.01

/** What the axis tells apart in a chart of less than `belowMs`. */
const AXES = [
  { belowMs: 1_000, tick: '100millisecond', format: '%-L ms' },
  { belowMs: 4_000, tick: '500millisecond', format: '%-S.%L s' },
  { belowMs: 12_000, tick: '1second', format: '%-S s' },
  { belowMs: 60_000, tick: '5second', format: '%-S s' },
  { belowMs: 300_000, tick: '30second', format: '%-M:%S' },
  { belowMs: 3_600_000, tick: '5minute', format: '%-M:%S' },
] as const
const LONGEST_AXIS = { tick: '30minute', format: '%-H:%M:%S' } as const

const BAR = '#4a7fc1'
const LONGEST_WAIT = '#c4760a'
/** Without the stripes and in colours that can be read on white and on black. */
const LOOK = {
  gantt: { leftPadding: 120, topPadding: 50, barHeight: 20, fontSize: 12, sectionFontSize: 12 },
  themeVariables: {
    sectionBkgColor: 'transparent',
    altSectionBkgColor: 'transparent',
    sectionBkgColor2: 'transparent',
    taskBkgColor: BAR,
    taskBorderColor: BAR,
    taskTextColor: '#ffffff',
    critBkgColor: LONGEST_WAIT,
    critBorderColor: LONGEST_WAIT,
  },
} as const

/**
 * The stages as a Gantt chart of mermaid, the bars of `marked` in another colour. Undefined where there are no two
 * bars to compare. Nothing in it is text of others.
 */
export function gantt(timeline: readonly Span[], marked: StageName | undefined): string | undefined {
  const endMs = Math.max(0, ...timeline.map((span) => span.endMs))
  const visible = timeline.filter((span) => lengthOf(span) >= Math.max(1, endMs * LEAST_PART))
  const bars = longestOf(visible).map((span, index): Bar => {
    const isAtLeft = index === 0 && span.startMs < endMs * LEFT_PART
    return { ...span, startMs: isAtLeft ? 0 : span.startMs, ms: lengthOf(span) }
  })
  if (bars.length < 2) return undefined
  const { tick, format } = AXES.find(({ belowMs }) => endMs < belowMs) ?? LONGEST_AXIS
  const sections = Map.groupBy(bars, ({ stage }) => stage)
  return [
    `%%{init: ${JSON.stringify(LOOK)}}%%`,
    'gantt',
    '  dateFormat HH:mm:ss.SSS',
    `  axisFormat ${format}`,
    `  tickInterval ${tick}`,
    '  todayMarker off',
    ...[...sections].flatMap(([stage, spans]) => [
      `  section ${stage}`,
      ...spans.map((bar) => barLine(bar, stage === marked ? 'crit, ' : '')),
    ]),
  ].join('\n')
}

function longestOf(spans: readonly Span[]): readonly Span[] {
  const longest = new Set(spans.toSorted((a, b) => lengthOf(b) - lengthOf(a)).slice(0, MOST_BARS))
  return spans.filter((span) => longest.has(span))
}

/** Says how long it was, wherever it is drawn. */
interface Bar extends Span {
  readonly ms: number
}

function barLine({ ms, startMs, endMs }: Bar, mark: '' | 'crit, '): string {
  return `  ${formatDuration(ms)} :${mark}${timeOfDay(startMs)}, ${timeOfDay(endMs)}`
}

function lengthOf({ startMs, endMs }: Span): number {
  return endMs - startMs
}

/** Of a day that began with the step: read and shown in the reader's own time zone, it is the same in all. */
function timeOfDay(ms: number): string {
  return new Date(Math.round(ms)).toISOString().slice(11, 23)
}
