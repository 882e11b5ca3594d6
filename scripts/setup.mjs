// Runs before `npm run demo` and `npm test`: makes node_modules what package-lock.json says. Built-ins only, and
// any Node from 18 on, since it runs before the project's own Node is there.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 18
const root = fileURLToPath(new URL('..', import.meta.url))

function fail(message) {
  console.error(`setup: ${message}`)
  process.exit(1)
}

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(`${root}${file}`, 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

/** npm writes node_modules/.package-lock.json last, so a broken-off install counts as missing. */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json')
  const present = lockedPackages('node_modules/.package-lock.json')
  const isPresent = ([path, { version, integrity, optional }]) =>
    path === '' ||
    (path in present
      ? present[path].version === version &&
        present[path].integrity === integrity &&
        existsSync(`${root}${path}`)
      : optional === true)
  return Object.entries(wanted).every(isPresent) && Object.keys(present).every((path) => path in wanted)
}

/** The npm that runs this script, started by the Node that runs npm: no shell, on Windows neither. */
function npm(args) {
  const cli = process.env.npm_execpath
  const [command, first] =
    cli !== undefined && /npm-cli\.c?js$/.test(cli)
      ? [process.env.npm_node_execpath ?? process.execPath, [cli]]
      : ['npm', []]
  return spawnSync(command, [...first, ...args], {
    cwd: root,
    encoding: 'utf8',
    shell: first.length === 0 && process.platform === 'win32',
  })
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or later`)
}
if (spawnSync('git', ['--version']).status !== 0) {
  fail('git is missing: install it and make sure that it is on PATH')
}
if (!isInstalled()) {
  console.log('setup: installing dependencies, as package-lock.json has them (npm ci)')
  const install = npm([
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
  if (install.status !== 0) {
    fail(`npm ci failed: ${install.error?.message ?? install.stderr.trim().slice(0, 2000)}`)
  }
}
