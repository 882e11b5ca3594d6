/** Bytes that tell which they are: of another seed hardly one is the same. */
export function contentOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0, state = seed; at < length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes.writeUInt32LE(state, Math.min(at, length - 4))
  }
  return bytes
}

/** How many they are, for a seed. */
export function lengthOf(seed: number): number {
  return 20_000 + (seed % 7) * 3001
}
