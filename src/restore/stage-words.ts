import type { FreshenedBy } from '../git/freshen.ts'
import type { FilledIndex } from '../git/index-file.ts'
import type { Target } from '../git/wanted.ts'
import { counted, formatMegabytes, grouped } from '../report/amounts.ts'
import type { Opened } from '../source/session.ts'
import type { Tree } from '../unpack/tree.ts'

/** What came of a stage, for the log. */
export const STAGE_WORDS = {
  found: ({ ref, commit }: Target) => (ref === '' ? commit : `${ref} is ${commit}`),
  opened: ({ place, commit, total }: Opened) => {
    const size = total === undefined ? 'a snapshot' : formatMegabytes(total)
    return `${size}${commit === undefined ? '' : ` of commit ${commit.slice(0, 7)}`}, ${place}`
  },
  unpacked: ({ files, workFiles, bytes }: Tree) =>
    `${counted(files, 'file')} (${grouped(files - workFiles)} of them in .git), ${formatMegabytes(bytes)}`,
  freshened: (by: FreshenedBy) => FRESHENED[by],
  indexed: ({ filled, entries }: FilledIndex) => `${grouped(filled)} of ${counted(entries, 'file')} proven`,
} as const

const FRESHENED = {
  none: 'the commit is there',
  bundle: 'by a bundle of the server',
  server: "from the server's mirror",
  origin: 'from the origin',
} as const
