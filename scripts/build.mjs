// Builds dist/: TypeScript to lib/, then one bundle for each action and one for the threads that write files.
// The same sources give the same bytes in any directory, so CI can compare dist/ with what is committed.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ncc from '@vercel/ncc'

const root = fileURLToPath(new URL('..', import.meta.url))
const lib = join(root, 'lib')
const dist = join(root, 'dist')
const workerBundle = join(lib, 'tree-worker-bundle')

/**
 * @actions/core asks this package for ID tokens, which src/source/id-token.ts does itself, and with it would come all of
 * undici. Its place is taken by a module that is there anyway.
 */
const WITHOUT_HTTP_CLIENT = {
  '@actions/http-client': 'node:path',
  '@actions/http-client/lib/auth': 'node:path',
}

function compile() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status === 0) return
  console.error(`build: tsc ${error ? `did not start: ${error.message}` : 'failed, see above'}`)
  process.exit(1)
}

/** Resolves with what the bundle was made of. */
async function bundle(entry, out, externals = {}) {
  const { code, assets, stats } = await ncc(join(lib, entry), { externals, quiet: true })
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'index.js'), code)
  for (const [name, { source }] of Object.entries(assets)) writeFileSync(join(out, name), source)
  return stats.toJson()
}

if (!process.versions.node.startsWith('24.')) {
  console.error(
    `build: this is Node ${process.versions.node}, use "npm run build": it runs the project's Node 24`,
  )
  process.exit(1)
}
rmSync(lib, { recursive: true, force: true })
compile()
rmSync(dist, { recursive: true, force: true })
await bundle('main.js', dist, WITHOUT_HTTP_CLIENT)
await bundle('save-main.js', join(dist, 'save'))
await bundle('warm-main.js', join(dist, 'warm'), WITHOUT_HTTP_CLIENT)
await bundle('unpack/tree-worker.js', workerBundle)
copyFileSync(join(workerBundle, 'index.js'), join(dist, 'tree-worker.js'))
copyFileSync(join(root, 'scripts', 'post.js'), join(dist, 'post.js'))

// What is loaded only when it is needed is no part of its bundle: one that needs all tells which packages there are.
const everything = ['./main.js', './save-main.js', './warm-main.js', '@actions/cache', '@actions/tool-cache']
writeFileSync(join(lib, 'everything.js'), everything.map((name) => `import '${name}'\n`).join(''))
const { modules } = await bundle('everything.js', join(lib, 'everything-bundle'))
const { licensesOf, packagesOf } = await import('./licenses.ts')
const packages = packagesOf(modules)
writeFileSync(join(dist, 'licenses.txt'), licensesOf(packages, readFileSync(join(root, 'LICENSE'), 'utf8')))
