import type { ErrorCode } from '../errors.ts'

export interface ErrorWords {
  readonly meaning: string
  readonly remedy: string
}

/** Every code for those who do not know ours, in the order in which a step may meet them. */
export const ERROR_WORDS: Readonly<Record<ErrorCode, ErrorWords>> = {
  INVALID_INPUT: {
    meaning:
      'An input, or a variable of the environment that stands for one, has a value that makes no sense. Nothing was done.',
    remedy: 'Set it to what the message allows.',
  },
  UNSAFE_CHECKOUT: {
    meaning:
      'The workflow has secrets (pull_request_target, workflow_run) and was about to check out the code of a fork.',
    remedy:
      'Use the event pull_request. Only where that code is never run, set allow-unsafe-pr-checkout to true.',
  },
  REF_NOT_FOUND: {
    meaning:
      'The GitHub server has no such repository, branch, tag or commit, or shows it to nobody with this token.',
    remedy: 'Check repository, ref and the rights of token or ssh-key.',
  },
  REF_MOVED: {
    meaning: 'The branch or tag of the event now leads to another commit than when the job was made.',
    remedy: 'Run the workflow again for the new commit, or give the commit itself as ref.',
  },
  NO_SOURCE: {
    meaning:
      'None of server, CACHEW_URL and url is set, or source asks for the Actions cache, and this job has none, as on GitHub Enterprise Server.',
    remedy:
      'Set server or url, or run the job where GitHub has its cache. To go without snapshots, and without a warning, set source to none, or GIT_SNAPSHOT_DISABLE=1 for a whole runner.',
  },
  NOT_FOUND: {
    meaning: 'The snapshot server, or the Actions cache, has no snapshot of this repository.',
    remedy:
      'Check server, repository and github-server-url; a server that has just begun with a repository may have one some minutes later. Into the Actions cache, the action save brings one, in a job of the default branch.',
  },
  ACCESS_DENIED: {
    meaning: 'The snapshot server answered 401 or 403.',
    remedy: 'Check authorization (or CACHEW_AUTHORIZATION) and headers; a signed url may have expired.',
  },
  NO_ID_TOKEN: {
    meaning: 'The runner gave no ID token for oidc-audience, so that the snapshot server could not be asked.',
    remedy:
      'Give the job the permission `id-token: write`, beside `contents: read`. Jobs for pull requests from forks never have it.',
  },
  CONNECTION_FAILED: {
    meaning: 'The name could not be resolved, nobody listens there, or the connection broke time and again.',
    remedy: 'Check the address, and whether this runner can reach it (network, firewall, proxy variables).',
  },
  TLS_FAILED: {
    meaning:
      'No trusted TLS connection came about: the server does not speak TLS at this port, or its certificate is not trusted, has expired or is for another name. It is never accepted all the same.',
    remedy:
      'Check https:// and the port. Where a private authority signed it, set NODE_EXTRA_CA_CERTS to the file with its certificate, in the environment of the runner.',
  },
  PROXY_FAILED: {
    meaning: 'The proxy cannot be reached, refused, or wants credentials.',
    remedy: 'Check https_proxy and http_proxy; name hosts that need no proxy in no_proxy.',
  },
  SERVER_ERROR: {
    meaning:
      'The snapshot server answered with a status that means an error of its own, as often as it was asked.',
    remedy:
      'Look at the log of the server. Where it is only busy, more retries help once a download has begun. The first request is repeated once at most, unless on-miss is fail.',
  },
  RATE_LIMITED: {
    meaning:
      'The snapshot server answered 429 as often as it was asked, or wants this runner to wait longer than the step does: 60 seconds at most.',
    remedy: 'Run the job later, or lower concurrency. A higher timeout does not make the step wait longer.',
  },
  BAD_REDIRECT: {
    meaning:
      'The server redirects to where no request may go: from https to http, to another scheme, into a private network, in a circle, or nowhere.',
    remedy: 'Give the address at the end of the redirects as server or url, or mend the server.',
  },
  PROTOCOL_ERROR: {
    meaning:
      'The answer breaks the rules of HTTP, has a status that no snapshot has, or is for another range than was asked for.',
    remedy:
      'Check the address, and whether it is http:// or https://. Look for what stands between the runner and the server (proxy, cache, load balancer) and alters answers.',
  },
  STALLED: {
    meaning: 'Too few bytes came for as long as stall-timeout, on every attempt.',
    remedy: 'Check the network to the server. Raise stall-timeout where it is known to be slow.',
  },
  TIMEOUT: {
    meaning: 'The snapshot, or one answer about it, took longer than it may.',
    remedy: 'Raise timeout, or find out why the way to the server is slow.',
  },
  TRUNCATED: {
    meaning: 'The snapshot ended before its end.',
    remedy:
      'Run the job again. Where it stays so, the server holds half a file: make it generate the snapshot anew.',
  },
  SNAPSHOT_CHANGED: {
    meaning:
      'The snapshot was replaced while it was downloaded, twice in a row. Two snapshots are never mixed.',
    remedy: 'Run the job again. Where it stays so, the replicas behind the address hold different files.',
  },
  EMPTY_SNAPSHOT: {
    meaning: 'The snapshot has no bytes, or nothing is in it.',
    remedy: 'Make the server generate it anew.',
  },
  DIGEST_MISMATCH: {
    meaning: 'The snapshot is not the one that the input sha256 names.',
    remedy: 'Where it was replaced on purpose, update sha256. Where not, find out who replaced it.',
  },
  NOT_ZSTD: {
    meaning: 'What came is no zstd file: often the page of a login or of a proxy.',
    remedy: 'Open the address that the message names, and check server, url and authorization.',
  },
  CORRUPT_ZSTD: {
    meaning: 'The compressed snapshot is damaged.',
    remedy: 'Run the job again. Where it stays so, make the server generate the snapshot anew.',
  },
  CORRUPT_ARCHIVE: {
    meaning:
      'The tar archive in the snapshot is damaged, or no tool that makes snapshots writes it that way.',
    remedy: 'Make the snapshot anew with tar, from a full clone.',
  },
  UNSAFE_ENTRY: {
    meaning:
      'The archive has an entry that no clone has: a path that leads out of the tree, two entries for one path, a device, a name that is .git to some file system.',
    remedy:
      'Find out who made the snapshot: such an archive may be an attack. Nothing of it was left behind.',
  },
  LIMIT_EXCEEDED: {
    meaning:
      'The snapshot is larger than the space that is free, it unpacks to more than it may, or the server sends more than it may.',
    remedy:
      'Where the message names a file system, free or add space. Where the repository is that large, raise max-unpacked-bytes or max-entries. The other limits are fixed.',
  },
  WRITE_FAILED: {
    meaning: 'The disk of the runner refused: it is full, read-only, or not for this user.',
    remedy:
      'Free or add the space that the message names, or mend the rights of the workspace and of RUNNER_TEMP.',
  },
  UNSAFE_GIT: {
    meaning: 'The repository in the snapshot, or in the workspace, has what git would take orders from.',
    remedy: 'Make the snapshot anew from a full clone; for a workspace, remove it.',
  },
  GIT_FAILED: {
    meaning: 'A git command failed; the end of what it said is in the message.',
    remedy:
      'Act on what git says. Where it is about the snapshot, make that anew; about the workspace, remove it.',
  },
  GIT_MISSING: {
    meaning: 'Git, or Git LFS where lfs is true, is not on the PATH or is too old.',
    remedy: 'Install it, or a newer one, on the runner or in the image of the container.',
  },
  PROGRAM_MISSING: {
    meaning:
      'A program that saving a snapshot needs, tar or zstd, is not on the PATH. Restoring needs neither.',
    remedy: 'Install it on the runner or in the image of the container.',
  },
  ORIGIN_FAILED: {
    meaning: 'The GitHub server could not be asked by git, three times in a row.',
    remedy:
      'Check github-server-url, repository, the rights of token or ssh-key, and the network to the server.',
  },
  COMMIT_MISMATCH: {
    meaning: 'The snapshot holds another commit than its server announced.',
    remedy: 'Make the server generate the snapshot anew.',
  },
  CACHE_REFUSED: {
    meaning:
      'The Actions cache is not there for this job, may only be read by it, or did not take what was to be saved.',
    remedy:
      'Save in a job that may write to the cache, such as one for a push to the default branch or on a schedule.',
  },
  CANCELLED: {
    meaning: 'The job was cancelled.',
    remedy:
      'Nothing: the workspace is as it was. Only a working copy that was being brought up to date in place may be half way there, for the next job to go on with.',
  },
}
