import assert from 'node:assert/strict'

// The action runs on Node 24, so its tests prove nothing on another one.
const major = Number(process.versions.node.split('.')[0])
assert.equal(major, 24, `The tests run on Node 24, this is ${process.version}. Start them with: npm test`)
