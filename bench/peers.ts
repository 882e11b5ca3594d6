/** Another way to a working copy, or a limit that none can beat. */
export interface Peer {
  readonly name: string
  /** The programs that it is made of; it is left out where one is missing. */
  readonly programs: readonly string[]
  /** For bash, which gets what `Target` has as variables. */
  readonly script: string
  /** What the script needs beside the snapshot's address. */
  readonly needs?: 'git' | 'tar'
}

/** What a script is told, by the names of its variables. */
export interface Target {
  /** The snapshot's address. */
  readonly URL: string
  /** The server's, the part before /git. */
  readonly SERVER: string
  /** `owner/name` */
  readonly REPOSITORY: string
  /** Where git fetches from; empty where no peer does. */
  readonly ORIGIN: string
  readonly BRANCH: string
  readonly COMMIT: string
  /** The snapshot without its compression; empty where no peer wants it. */
  readonly TAR: string
  /** Equal parts of the snapshot, as ranges of HTTP. */
  readonly RANGES: string
}

/** An empty directory of its own each run gets as DIRECTORY. */
export const PEERS = {
  pipe: {
    name: 'curl | zstd | tar',
    programs: ['curl', 'zstd', 'tar'],
    script: 'curl -sf "$URL" | zstd -dc | tar -xpf - -C "$DIRECTORY"',
  },
  aria2: {
    name: 'aria2c, then unpack',
    programs: ['aria2c', 'zstd', 'tar'],
    script: `aria2c --quiet --split=8 --max-connection-per-server=8 --min-split-size=1M --file-allocation=none \\
      --dir="$DIRECTORY" --out=snapshot "$URL"
    zstd -dc "$DIRECTORY/snapshot" | tar -xpf - -C "$DIRECTORY"`,
  },
  cachew: {
    name: 'cachew git restore --no-bundle',
    programs: ['cachew'],
    script:
      'cachew git restore --no-bundle --url "$SERVER" "https://github.com/$REPOSITORY" "$DIRECTORY/clone"',
  },
  cachewFresh: {
    name: 'cachew git restore',
    programs: ['cachew', 'git'],
    script: `cachew git restore --commit "$COMMIT" --url "$SERVER" "https://github.com/$REPOSITORY" "$DIRECTORY/clone"`,
  },
  clone: {
    name: 'git clone',
    programs: ['git'],
    script: 'git clone --quiet "$ORIGIN" "$DIRECTORY"',
    needs: 'git',
  },
  /** With the flags that actions/checkout gives. */
  fetch: {
    name: 'git fetch --depth 1',
    programs: ['git'],
    script: `cd "$DIRECTORY"
    git init --quiet .
    git remote add origin "$ORIGIN"
    git -c protocol.version=2 fetch --quiet --no-tags --prune --no-recurse-submodules --depth=1 origin \\
      "+$COMMIT:refs/remotes/origin/$BRANCH"
    git checkout --quiet --force -B "$BRANCH" "refs/remotes/origin/$BRANCH"`,
    needs: 'git',
  },
  link: {
    name: 'link: 8 curls to /dev/null',
    programs: ['curl'],
    script: `for range in $RANGES; do curl -sf --range "$range" --output /dev/null "$URL" & done
    for curl in $(jobs -p); do wait "$curl"; done`,
  },
  disk: {
    name: 'disk: tar -x of the plain tar',
    programs: ['tar', 'zstd'],
    script: 'tar -xpf "$TAR" -C "$DIRECTORY"',
    needs: 'tar',
  },
} as const satisfies Readonly<Record<string, Peer>>

export type PeerName = keyof typeof PEERS

/** What the results call this action. */
export const OURS = 'this action'
