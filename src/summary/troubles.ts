import { counted, grouped } from '../report/amounts.ts'
import type { Report } from '../report/report.ts'
import type { Trouble } from '../report/trouble.ts'
import { ERROR_WORDS } from './error-words.ts'
import { codeSpan } from './markdown.ts'

/** What went wrong in a step and what to do about it, in blocks of Markdown. */
export function troubleBlocks({ error, missed, restarts, retries, repeats }: Report): readonly string[] {
  const given = [error, missed].filter((trouble) => trouble !== undefined)
  const repeated = repeats.map((repeat) => `- ${grouped(repeat.count)} x ${said(repeat)}`)
  return [
    ...given.flatMap((trouble) => [`> ${said(trouble)}`, ...remedies(trouble)]),
    ...restarts.map((trouble) => `The restore began again: ${said(trouble)}`),
    ...(retries === 0 ? [] : [[`Repeated ${counted(retries, 'request')}:`, ...repeated].join('\n')]),
  ]
}

/** What errors say comes from servers, too. */
function said({ code, words }: Trouble): string {
  return code === 'UNKNOWN' ? codeSpan(words) : `**${code}** ${codeSpan(words)}`
}

function remedies({ code }: Trouble): readonly string[] {
  if (code === 'UNKNOWN') return []
  const { meaning, remedy } = ERROR_WORDS[code]
  return [`${meaning} **What to do:** ${remedy}`]
}
