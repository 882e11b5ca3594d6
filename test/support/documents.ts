import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A fenced block of a page. */
export type Block = {
  readonly page: string
  /** The line of its fence, from 1. */
  readonly line: number
  /** The text of the heading above it, or empty. */
  readonly heading: string
  readonly language: string
  readonly text: string
}

export type Link = { readonly page: string; readonly line: number; readonly target: string }

const ROOT = join(import.meta.dirname, '..', '..')
const PAGES = ['*.md', 'docs/**/*.md', 'save/**/*.md', 'warm/**/*.md', '.github/**/*.md']
const FENCE = /^( *)(`{3,})(\w*)/
const HEADING = /^#{1,6} +(.*)$/
const LINK = /\[[^\]]*\]\(<?([^)\s>]+)>?\)/g

/** All pages that people read, relative to the repository's root. */
export function pages(): string[] {
  return globSync(PAGES, { cwd: ROOT }).sort()
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

type Line = {
  readonly text: string
  readonly number: number
  readonly heading: string
  /** Of the block that it is in. */
  readonly block: { readonly line: number; readonly language: string; readonly indent: number } | undefined
}

/** The lines of a page but for the fences. */
function* linesOf(page: string): Generator<Line> {
  let heading = ''
  let block: Line['block']
  let fence = ''
  for (const [index, text] of readPage(page).split('\n').entries()) {
    const [, indent = '', ticks, language = ''] = FENCE.exec(text) ?? []
    if (block !== undefined && text.trim() === fence) block = undefined
    else if (block === undefined && ticks !== undefined) {
      block = { line: index + 1, language, indent: indent.length }
      fence = ticks
    } else {
      if (block === undefined) heading = HEADING.exec(text)?.[1] ?? heading
      yield { text, number: index + 1, heading, block }
    }
  }
}

export function blocksOf(page: string): Block[] {
  const blocks = new Map<number, Block>()
  for (const { text, heading, block } of linesOf(page)) {
    if (block === undefined) continue
    const { line, language, indent } = block
    const before = blocks.get(line)?.text ?? ''
    blocks.set(line, { page, line, heading, language, text: `${before}${text.slice(indent)}\n` })
  }
  return [...blocks.values()]
}

/** Links in prose; what stands in backquotes is none. */
export function linksOf(page: string): Link[] {
  return [...linesOf(page)].flatMap(({ text, number, block }) => {
    if (block !== undefined) return []
    const prose = text.replaceAll(/`[^`]*`/g, '')
    return [...prose.matchAll(LINK)].map(([, target = '']) => ({ page, line: number, target }))
  })
}

/** What links can lead to in a page, as GitHub names it. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const { text, block } of linesOf(page)) {
    const [, heading] = (block === undefined ? HEADING.exec(text) : null) ?? []
    if (heading === undefined) continue
    const words = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    const anchor = words.trim().replaceAll(/\s/g, '-')
    const again = [...anchors].filter((other) => other.replace(/-\d+$/, '') === anchor).length
    anchors.add(again === 0 ? anchor : `${anchor}-${again}`)
  }
  return anchors
}

/** What a diff leads to. */
export function afterDiff(text: string): string {
  const kept = text.split('\n').filter((line) => !line.startsWith('-'))
  return kept.map((line) => line.replace(/^[+ ]/, '')).join('\n')
}

/** What a diff starts from. */
export function beforeDiff(text: string): string {
  const kept = text.split('\n').filter((line) => !line.startsWith('+'))
  return kept.map((line) => line.replace(/^[- ]/, '')).join('\n')
}
