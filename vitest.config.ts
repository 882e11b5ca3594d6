import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Most tests wait for processes of their own: two at a time take two thirds of the time, on two cores too.
    maxWorkers: 2,
    // Names of tests are what docs/faults.md says: they are not cut off.
    taskTitleValueFormatTruncate: 0,
  },
})
