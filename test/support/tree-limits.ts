import type { TreeLimits } from '../../src/unpack/policy.ts'

/** More than any tree of these tests needs. */
export const AMPLE_LIMITS: TreeLimits = { entries: 5_000_000, bytes: 64 * 1024 ** 3 }
