import { sanitize } from '../sanitize.ts'

/** A table in Markdown; a bar in a cell stays a bar. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/**
 * Text of others as a code span: nothing in it is Markdown, HTML or a mention, and it is one line. Not for cells of
 * tables, where a bar would need an escape that the text itself could undo.
 */
export function codeSpan(text: string): string {
  const line = sanitize(text)
  const runs = [...line.matchAll(/`+/g)].map(([run]) => run.length)
  const fence = '`'.repeat(Math.max(0, ...runs) + 1)
  const gap = /^[` ]|[` ]$/.test(line) ? ' ' : ''
  return `${fence}${gap}${line}${gap}${fence}`
}
