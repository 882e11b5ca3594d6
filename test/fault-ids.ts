/** One row of the specification of faults (F) or of archives (T). */
export interface FaultRow {
  readonly id: string
  /** Its cases where they are told apart: each needs a test of its own. */
  readonly letters: readonly string[]
  readonly what: string
  readonly outcome: string
}

/** Id (with its letters), what is done to the action, and what is to come of it; the words are in docs/faults.md. */
const ROWS = `
F001 | connection refused, fewer times than there are attempts | RETRY, OK
F002 | connection refused for ever | FAIL CONNECTION_FAILED before the deadline
F003 | name that does not resolve (ENOTFOUND) | RETRY at most twice, FAIL CONNECTION_FAILED
F004 | name that does not resolve for now (EAI_AGAIN) | RETRY, OK
F005 | SYN without an answer | connect timeout, RETRY, FAIL CONNECTION_FAILED
F006 | one of two addresses dead | OK
F007 | IPv6 broken, IPv4 fine | OK
F008 | TLS handshake that stands still | counts as connecting: RETRY
F009 | certificate of an unknown authority | FAIL TLS_FAILED at once, names NODE_EXTRA_CA_CERTS
F010 | certificate for another name, or expired | FAIL TLS_FAILED at once, never insecure
F011 | own authority by NODE_EXTRA_CA_CERTS | OK; git has it for the snapshot server only
F012 | TLS reset in the handshake, or a bad record | RETRY
F013 | proxy for http | OK through it
F014 | proxy for https (CONNECT); 407 | OK; FAIL PROXY_FAILED at once
F015 | only HTTP_PROXY set, https target | direct, as curl, git and the runner
F016 | NO_PROXY: exact, suffix, .suffix, host:port, *, CIDR | bypassed as git and curl do
F017 | loopback target with a proxy set | bypassed
F018 | credentials in the address of a proxy | masked in every line
F019 | proxy answers 502 to CONNECT | RETRY, FAIL PROXY_FAILED
F020 | server that offers HTTP/2 and breaks it off | HTTP/2 is off: OK over HTTP/1.1
F021 | 206 with a right range and a strong ETag | OK, in parallel
F022 | 200 with everything and its length | DEGRADE with this very body
F023 | 200 with everything, chunked | DEGRADE; complete by chunked end, zstd and tar
F024 | 200 up to the close, cut by a reset | FAIL, never OK
F025 | 206 without Content-Range | FAIL PROTOCOL_ERROR or DEGRADE by a new request; the body is never taken for all
F027 | 206 that begins elsewhere | RETRY at most 4 times, FAIL PROTOCOL_ERROR
F028 | 206 that ends beyond what was asked or is there | FAIL PROTOCOL_ERROR
F029 | another range unit, other letters, junk behind | letters of any case; else FAIL PROTOCOL_ERROR
F030 | Content-Range with numbers that are none | FAIL PROTOCOL_ERROR
F031 | two Content-Range headers | FAIL PROTOCOL_ERROR
F033 | 416 of an empty object | FAIL EMPTY_SNAPSHOT
F034 | 416 of an object that is not empty | DEGRADE once, else FAIL
F035 | 200 with length 0 | FAIL EMPTY_SNAPSHOT
F036 | 204 | FAIL; for a bundle: nothing to do
F037 | 304 that nobody asked for | FAIL PROTOCOL_ERROR
F038 | redirect within the origin (301, 302, 303, 307, 308) | followed with Range and If-Match: OK
F039 | redirect to another host | followed without anything secret: OK
F040 | redirect to another port or scheme of the host | as to another host
F041 | redirect from https to http | FAIL BAD_REDIRECT
F042 | redirect to file:, data: or ftp: | FAIL BAD_REDIRECT
F043 | redirects in a circle, or more than 5 | FAIL BAD_REDIRECT
F044 | redirect without a Location, a bad one, or one with a user | FAIL BAD_REDIRECT; the user is not shown
F045 | redirect from a public host into a private network | FAIL BAD_REDIRECT
F046 | 300 | FAIL PROTOCOL_ERROR
F047 | 401, 403 | FAIL ACCESS_DENIED at once
F048 | 404, 410 | miss: on-miss decides
F049 | 407 | as F014
F050 | 408 | RETRY
F051 | 429 with any Retry-After | waits as told, at most 60 s; more than is left: FAIL RATE_LIMITED
F052 | 500, 502, 503, 504, 520 to 524 for a while | RETRY with jitter
F053 | 501, 505 | FAIL SERVER_ERROR at once
F054 | 503 for ever | FAIL SERVER_ERROR after all attempts
F055 | 403 mid-download, where a signed address expired | discovery once more: same object goes on, else FAIL SNAPSHOT_CHANGED
F056 | page of a login instead of an archive | FAIL NOT_ZSTD
F057 | weak ETag | DEGRADE
F058 | no ETag | DEGRADE
F059 | ETag unquoted, empty, 8 KiB long, with control characters | taken byte by byte; control characters FAIL PROTOCOL_ERROR
F061 | Content-Encoding | FAIL PROTOCOL_ERROR
F062 | headers of more than 16 KiB | FAIL PROTOCOL_ERROR
F063 | Content-Length negative, twice, in letters, beside Transfer-Encoding | FAIL PROTOCOL_ERROR
F064 | what is no HTTP | RETRY at most once, FAIL PROTOCOL_ERROR
F065 | 100 and 103 before the answer, many of them | OK; endless: FAIL
F066 | Accept-Ranges: none on a 206 | OK, in parallel
F067 | object smaller than a chunk | OK with one request
F068 | object of whole chunks, one byte more, one less, one byte | OK, the last range exact
F069 | object of 10 TiB, so it says | memory bounded; FAIL before anything is written
F070 | 200 with everything for a chunk | RETRY at most 4 times, FAIL PROTOCOL_ERROR; no byte of it used
F071 | body longer than its range | RETRY at most 4 times, FAIL PROTOCOL_ERROR; the excess is not held
F072 | body shorter than its range, cleanly ended | RETRY from there
F073 | connection closed before the announced end | RETRY from there
F074 | the same with Connection: close | RETRY from there
F075 | reset after 0, 1, half, all but one bytes | RETRY from there
F077 | chunked 206 without its end | RETRY
F078 | range of another chunk | RETRY at most 4 times, FAIL PROTOCOL_ERROR
F079 | another total than at discovery | FAIL SNAPSHOT_CHANGED
F080 | ETag changed; missing | FAIL SNAPSHOT_CHANGED; RETRY at most 4 times, FAIL
F081 | 412 | one restart from discovery, FAIL SNAPSHOT_CHANGED
F082 | 416 on a chunk inside the object | FAIL SNAPSHOT_CHANGED
F083 | 404 on a chunk | FAIL SNAPSHOT_CHANGED
F084 | replicas with two versions, in turns | FAIL SNAPSHOT_CHANGED, never mixed
F086 | 200 for a resumed range | dropped, RETRY from the same byte
F087 | bit that flips on the way | FAIL CORRUPT_ZSTD; with the input sha256 also where zstd has no checksum
F088 | server that does not know If-Match | the ETag of every chunk is compared all the same
F089 | one chunk that always fails | FAIL after its attempts; the others end at once
F090 | first chunk slow, all others done | window holds: OK
F091 | chunks that end in any order | OK
F092 | every answer late by another while | OK
F093 | one body stands still | watchdog, RETRY on a new connection
F094 | all bodies stand still | FAIL STALLED
F095 | body that drips | low-speed rule, RETRY
F096 | headers that drip | timeout, RETRY
F097 | one connection far slower than the others | OK, bounded delay
F099 | disk that is slow for long | no false timeout
F100 | server that dies while the disk is slow | found out when reading goes on
F101 | server that takes two connections and resets others | fewer connections, OK
F102 | server that answers 503 to half of the requests | fewer connections, OK
F103 | idle connection that the server has closed | asked again without being counted
F105 | no descriptors left (EMFILE) | fewer connections; FAIL with a hint at ulimit
F106 | disk that fails with all requests in flight | all ended, one error
F107 | object of 1 GiB and a consumer that sleeps | memory bounded
F108 | concurrency 1 | one request, without Range and If-Match
F109 | chunk-size and concurrency that make no sense | FAIL INVALID_INPUT before anything is done
F110 | file of pzstd, in pieces of any size | OK
F111 | many frames, empty ones, frames without size or checksum | OK
F112 | cut off at every kind of place | FAIL TRUNCATED
F113 | bytes after the last frame | FAIL
F115 | window of 2 GiB | FAIL LIMIT_EXCEEDED, says both
F116 | archive that unpacks without end | FAIL LIMIT_EXCEEDED before the disk is full
F117 | disk full at a write, mkdir, symlink, rename, inside git | FAIL with needed and free bytes; space given back
F118 | quota, read-only, no right, I/O error, name too long | FAIL with code and entry
F119 | no inodes left | FAIL, says inodes
F120 | destination not empty, a file, a symlink, the working directory, on another file system | staged elsewhere and moved: OK; symlink: FAIL
F121 | SIGINT, then SIGTERM, at every stage | gone within 5 s with 130 or 143, nothing left
F122 | SIGKILL, and run again | OK, what was left is removed
F123 | post step after a main step that failed, was cancelled, never ran | nothing left, never fails
F124 | two jobs at once on one host | OK both
F125 | stdout closed, a million lines | no crash; progress at most every 5 s
F126 | clock that jumps by an hour | OK: timers are monotonic
F127 | bundle: 204, 404, 500, cut off, flipped bit, lacking its base, a page, empty, of another repository | 204: nothing to do; others: next way, refs unchanged
F129 | ensure-refs: errors, timeout, no JSON, 10 MiB, missing commits | next way; 1 MiB is read at most
F130 | git fetch: 500, timeout, asks for a password, hangs up, shallow | three tries, one without a right; FAIL ORIGIN_FAILED, REF_NOT_FOUND with the end of its words
F131 | ref that is at another commit by now | FAIL REF_MOVED
F132 | commands and escapes for the runner in pages, headers, git's words, names | printed harmless; nothing is executed
T01 | absolute path | FAIL
T02 | absolute path with two slashes | FAIL
T03 | path through .. | FAIL
T04 | path through .. farther in | FAIL
T05 | file named .. | FAIL
T06 | directory ../ with a mode | FAIL
T07 | symlink in the place of the root | FAIL
T08 | root with mode 0 | OK, the mode is ignored
T09 | empty name | FAIL
T10 | names of slashes and dots | FAIL
T11 | file below a symlink (CVE-2015-8860, 2018-20834) | FAIL
T12 | file below a relative symlink | FAIL
T15 | file in the place of a symlink | FAIL
T16 | file in the place of a dangling symlink | FAIL
T17 | symlink in the place of a directory (CVE-2021-32803, 37701, 37712) | FAIL
T18 | the same with a slash at its end | FAIL
T19 | hard link through a chain of symlinks (CVE-2026-26960) | FAIL
T20 | hard link to an absolute path (CVE-2026-23745, 2016-6321) | FAIL
T21 | hard link through .. (CVE-2026-24842) | FAIL
T22 | hard link through a symlink (CVE-2025-48387, 2018-20990) | FAIL
T24 | symlink to what begins like the root (CVE-2025-59343) | FAIL
T25 | directory in the place of a symlink (CVE-2026-33056, 2021-31566) | FAIL, modes outside unchanged
T26 | file below such a directory | FAIL
T27 | file below symlinks in a circle | FAIL
T28 | hard link to itself | FAIL
T29 | hard link to nothing | FAIL
T30 | hard link before its target | FAIL
T32 | file below a file | FAIL
T33 | file in the place of a directory | FAIL
T34 | the same file twice | FAIL
T35 | .git in other letters, at any depth | FAIL
T36 | names that differ in their normalisation (CVE-2021-37701) | OK as two; where the disk takes them for one as git has it, FAIL for two kinds or in .git
T37 | names that differ in their case folding (CVE-2026-23950) | as T36
T38 | names that some disk takes for .git (CVE-2014-9390, 2019-1352) | FAIL
T39 | NUL in a name, and more behind it | FAIL
T40 | pax path that leads out | FAIL
T41 | pax link target, and a file below | FAIL
T42 | pax path with a NUL | FAIL
T43 | empty pax path | FAIL
T44 | global pax path | FAIL
T46 | pax size over a header's 0 (CVE-2025-62518) | OK: one file, nothing inside it
T47 | pax size of -1 | FAIL
T48 | pax size of 2^63 | FAIL
T49a-e | pax record with a wrong length, 0, no =, no line end, a sign | FAIL
T50 | pax comment of 64 MiB | FAIL
T51 | long name of 8 GiB or 64 MiB | FAIL before it is read
T52 | long name that leads out; long target with a file below | FAIL
T53 | long name and pax path | FAIL
T54 | long name or pax header before the end | FAIL
T55 | base-256 size of 5 | OK
T56 | base-256 size of 2^70 | FAIL
T57 | negative base-256 size | FAIL
T58a-c | size with a sign, in letters, of spaces or NULs | FAIL; NULs are 0
T59 | content cut off | FAIL
T60 | header cut off | FAIL
T61 | no end of the archive | FAIL
T62 | lone zero block | FAIL
T64 | garbage after the end | FAIL
T65 | wrong checksum | FAIL
T67a-c | symlink, directory, hard link with content | FAIL
T68a-i | devices, FIFO, and other types of entries (CVE-2006-6097) | FAIL
T69a-b | sparse files (CVE-2025-58183, 2026-32288) | FAIL
T70 | setuid, setgid and sticky bits | OK, exec bit only
T71 | directory with mode 0 | OK
T72a-c | times out of range | OK, ignored; pax times that are no numbers FAIL
T73 | owners out of range | OK, ignored
T76a-c | path 3000 deep, name of 300 bytes, path of 5 KiB | FAIL before anything is made of it
T77 | names with commands and escapes for the runner | OK; harmless in every line
T78 | names that are not UTF-8 | OK, byte by byte
T79 | v7 file whose name ends in a slash | OK, a directory
T80 | names that look like options | OK
T81 | extended attributes, ACLs, SELinux labels | OK, ignored
T83a-c | file or symlink in the place of .git or inside it | FAIL
T84 | names that mean something else on Windows (CVE-2026-29786, 31802, 2021-37713) | OK on Linux; FAIL on Windows
T85 | the same path three times | FAIL
T87 | symlink to an absolute path in the tree | OK as it is
T88 | hard link to a directory | FAIL
T89 | archive without entries | FAIL: no .git
T90 | no bytes | FAIL EMPTY_SNAPSHOT
T91 | page padded to 512 bytes | FAIL
T92 | valid: directories, modes, symlinks, hard links | OK
T93 | valid: symlinks to anywhere | OK as they are
T94 | a million files | OK within the limits, else FAIL LIMIT_EXCEEDED
T95 | 100 GiB of zeros | FAIL LIMIT_EXCEEDED
T96 | 100,000 symlinks before files | OK
T97 | damaged packs and objects | next way to the commit; a bad index is ignored
T98 | HEAD that leads elsewhere, is too long, is no text | FAIL UNSAFE_GIT
T100 | .git/modules, .git/worktrees | OK, not taken over
`

export const FAULT_ROWS: readonly FaultRow[] = ROWS.trim().split('\n').map(rowOf)

function rowOf(line: string): FaultRow {
  const [, id = '', first, last] = /^([FT]\d+)(?:([a-z])-([a-z]))? \|/.exec(line) ?? []
  const [, what, outcome, ...rest] = line.split(' | ')
  if (id === '' || what === undefined || outcome === undefined || rest.length > 0) {
    throw new Error(`This is no row of the form "id | what | outcome": ${line}`)
  }
  return { id, letters: lettersFrom(first, last), what, outcome }
}

function lettersFrom(first = '', last = ''): readonly string[] {
  if (first === '') return []
  const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)]
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index))
}
