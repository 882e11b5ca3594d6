import { createCipheriv, createHash } from 'node:crypto'

/** Bytes that nothing compresses, the same for the same seed: a key stream of AES in counter mode. */
export function seededBytes(seed: string, count: number): Buffer {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(count))
}

const WORDS =
  `const let return if else for of function class new import export from as async await true false null this
  value index name path file bytes size start end range chunk frame entry tree commit branch remote fetch`.split(
    /\s+/,
  )
const WORDS_PER_LINE = 12

/** Lines of words, about as compressible as source code; the same for the same seed. */
export function seededText(seed: string, words: number): string {
  const chosen = [...seededBytes(seed, words)].map((byte) => WORDS[byte % WORDS.length])
  const lines = Array.from({ length: Math.ceil(words / WORDS_PER_LINE) }, (_, line) =>
    chosen.slice(line * WORDS_PER_LINE, (line + 1) * WORDS_PER_LINE).join(' '),
  )
  return `${lines.join('\n')}\n`
}
