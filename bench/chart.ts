/** One bar: its name, its length, and what is written behind it. */
export interface Bar {
  readonly name: string
  readonly value: number
  readonly label: string
}

const WIDTH = 48
/** From one eighth of a character to seven. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Horizontal bars of block characters, the longest of 48 characters. */
export function barChart(bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value))
  const nameWidth = Math.max(...bars.map(({ name }) => name.length))
  const line = ({ name, value, label }: Bar): string =>
    `${name.padEnd(nameWidth)}  ${blocks((value / most) * WIDTH).padEnd(WIDTH)}  ${label}`
  return bars.map(line).join('\n')
}

function blocks(length: number): string {
  const eighths = Math.max(1, Math.round(length * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
}
