// Prints "N passed, N failed, N skipped" from vitest's JSON report, and fails where a test was skipped that may
// not be: only those that need the Cachew server or a kernel that mounts exFAT, which say so in their full name.
import { readFileSync } from 'node:fs'

const [report] = process.argv.slice(2)
const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
const tests = testResults.flatMap((file) => file.assertionResults)
const failed = tests.filter(({ status }) => status === 'failed')
// A file that cannot be loaded has no tests to count, and has failed all the same.
const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
const passed = tests.filter(({ status }) => status === 'passed')
const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
const forbidden = skipped.filter(({ fullName }) => !/cachewd|exFAT/.test(fullName))

for (const { fullName } of forbidden) console.log(`skipped, but may not be: ${fullName}`)
console.log(`${passed.length} passed, ${failed.length + broken.length} failed, ${skipped.length} skipped`)
process.exitCode = forbidden.length + failed.length + broken.length > 0 ? 1 : 0
