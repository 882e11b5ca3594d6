import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Names of tests are what docs/faults.md says: they are not cut off.
    taskTitleValueFormatTruncate: 0,
  },
})
