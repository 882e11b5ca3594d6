import { defineConfig } from 'vitest/config'
import everywhere from './vitest.config.ts'

// The tests that need Node alone: no program, nothing of Linux, no file system that knows links and modes.
export default defineConfig({
  test: {
    ...everywhere.test,
    include: [
      'test/{download,http}/*.test.ts',
      'test/unpack/{batch,frame,policy,tar}*.test.ts',
      'test/snapshot/{cache-key,locate}.test.ts',
      'test/git/{fork-guard,wanted}.test.ts',
      'test/{errors,in-order,input,job-event,patience,progress,report,ring,sanitize,secrets,timing}*.test.ts',
    ],
    exclude: ['**/{download-memory,few-descriptors,frames-commands,tar-gnu}.test.ts'],
  },
})
