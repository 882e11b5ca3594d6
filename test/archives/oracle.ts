import { execFileSync, spawnSync } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { temporary } from '../support/temporary.ts'
import { listing } from '../unpack/fixture.ts'

const MAX_BYTES = 2 ** 28

/** What GNU tar makes of an archive, as `portrait` tells it; it may say what it likes about owners and times. */
export function asTarUnpacks(archive: Buffer): ReadonlyMap<string, string> {
  const place = temporary()
  const options = ['--no-same-owner', '--no-same-permissions', '--touch', '--delay-directory-restore']
  spawnSync('tar', ['-xf', '-', '-C', place, ...options], {
    input: archive,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  return portrait(place)
}

/** What the zstd command makes of a stream. */
export function asZstdDecodes(stream: Buffer): Buffer {
  return execFileSync('zstd', ['-dc'], {
    input: stream,
    maxBuffer: MAX_BYTES,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
}

/** A tree by its paths, as a `Draft` tells it: permissions are reduced to whether anybody may execute a file. */
export function portrait(directory: string): ReadonlyMap<string, string> {
  execFileSync('chmod', ['-R', 'u+rwX', directory])
  const found = [...listing(directory)].map(([path, text]): [string, string] => {
    if (path.endsWith('/')) return [path, 'directory']
    if (text.startsWith('-> ')) return [path, text]
    const content = text.slice(text.indexOf(' ') + 1)
    const { mode } = lstatSync(Buffer.from(`${Buffer.from(directory).toString('latin1')}/${path}`, 'latin1'))
    return [path, `${(mode & 0o111) === 0 ? '-' : 'x'} ${content}`]
  })
  return new Map(found)
}

/** Archives as different writers make them of one small clone; the same bytes in each run. */
export function realArchives(): readonly Buffer[] {
  const place = makeClone()
  const names = ['--sort=name', '--owner=root:0', '--group=root:0', '--mtime=@1700000000']
  const formats = ['gnu', 'oldgnu', 'pax', 'ustar', 'v7']
  const archives = formats.map((format) => {
    // These two have no long names.
    const without = format === 'v7' || format === 'ustar' ? ['--exclude=long*'] : []
    const options = ['--blocking-factor=1', `--format=${format}`, ...names, ...without]
    const pax =
      format === 'pax' ? ['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime'] : []
    return execFileSync('tar', ['-cpf', '-', '-C', place, ...options, ...pax, '.'], { maxBuffer: MAX_BYTES })
  })
  const fromGit = execFileSync('git', ['archive', '--format=tar', 'HEAD'], {
    cwd: place,
    maxBuffer: MAX_BYTES,
  })
  return [...archives, fromGit]
}

const FILES = [
  'mkdir -p a/b/c empty long',
  'printf "hello\\n" > README; printf "#!/bin/sh\\n" > a/run; chmod 755 a/run',
  'head -c 3000 /dev/zero | tr "\\0" x > a/b/c/three; : > a/nothing',
  'ln -s ../README a/b/up; ln -s /nowhere/at/all dangling; ln README hard; ln a/run a/b/hard',
  'printf odd > "$(printf "a/\\377\\376")"; printf odd > "a/new\nline"; printf odd > ./-rf',
  'n=$(printf "%0120d" 7); printf long > "long/$n"; ln -s "$n$n" "long/link"; ln "long/$n" long/hard',
]

function makeClone(): string {
  const place = join(temporary(), 'clone')
  const who = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'core.hooksPath=/dev/null']
  const date = '1700000000 +0000'
  const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  const git = (...args: string[]): unknown => execFileSync('git', args, { cwd: place, env, stdio: 'pipe' })
  execFileSync('git', ['init', '-q', '-b', 'main', '--template=', place], { stdio: 'pipe' })
  execFileSync('sh', ['-ec', FILES.join('\n')], { cwd: place })
  git('add', '-A')
  git(...who, 'commit', '-qm', 'first')
  execFileSync('rm', ['.git/index'], { cwd: place })
  execFileSync('rm', ['-rf', '.git/logs'], { cwd: place })
  return place
}
