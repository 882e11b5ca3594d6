// Builds dist/: TypeScript to lib/, then one bundle for each action and one for the threads that write files.
// The same sources give the same bytes in any directory, so CI can compare dist/ with what is committed.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const lib = join(root, 'lib')
const dist = join(root, 'dist')
const workerBundle = join(lib, 'tree-worker-bundle')

function run(script, ...args) {
  const tool = join(root, 'node_modules', script)
  const { status, error } = spawnSync(process.execPath, [tool, ...args], { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  console.error(`build: ${script} ${error ? `did not start: ${error.message}` : 'failed, see above'}`)
  process.exit(1)
}

function bundle(entry, out, ...more) {
  run('@vercel/ncc/dist/ncc/cli.js', 'build', join(lib, entry), '--out', out, '--quiet', ...more)
}

if (!process.versions.node.startsWith('24.')) {
  console.error(
    `build: this is Node ${process.versions.node}, use "npm run build": it runs the project's Node 24`,
  )
  process.exit(1)
}
rmSync(lib, { recursive: true, force: true })
run('typescript/bin/tsc', '-p', 'tsconfig.json')
rmSync(dist, { recursive: true, force: true })
bundle('main.js', dist)
bundle('save-main.js', join(dist, 'save'))
bundle('warm-main.js', join(dist, 'warm'))
bundle('unpack/tree-worker.js', workerBundle)
copyFileSync(join(workerBundle, 'index.js'), join(dist, 'tree-worker.js'))
copyFileSync(join(root, 'scripts', 'post.js'), join(dist, 'post.js'))

// What is loaded only when it is needed is no part of its bundle: one that needs all tells which packages there are.
const everything = ['./main.js', './save-main.js', './warm-main.js', '@actions/cache', '@actions/tool-cache']
const stats = join(lib, 'everything.json')
writeFileSync(join(lib, 'everything.js'), everything.map((name) => `import '${name}'\n`).join(''))
bundle('everything.js', join(lib, 'everything-bundle'), '--stats-out', stats)
const { licensesOf, packagesOf } = await import('./licenses.ts')
const packages = packagesOf(JSON.parse(readFileSync(stats, 'utf8')).modules)
writeFileSync(join(dist, 'licenses.txt'), licensesOf(packages, readFileSync(join(root, 'LICENSE'), 'utf8')))
