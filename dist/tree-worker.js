import { createRequire as __WEBPACK_EXTERNAL_createRequire } from "module";
var __webpack_exports__ = {};

;// CONCATENATED MODULE: external "node:crypto"
const external_node_crypto_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:crypto");
;// CONCATENATED MODULE: external "node:fs"
const external_node_fs_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:fs");
;// CONCATENATED MODULE: external "node:worker_threads"
const external_node_worker_threads_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:worker_threads");
;// CONCATENATED MODULE: ./lib/index-layout.js
/** The stat data that an entry of a git index begins with (gitformat-index(5)); the object's id follows. */
const index_layout_STAT_BYTES = 40;
/** Where in them the entry's mode is. */
const index_layout_MODE_AT = 24;

;// CONCATENATED MODULE: ./lib/on-disk.js
/** Below `root`, a path as the file system has it: bytes, where they are more than ASCII. Both are latin1. */
function onDisk(root, path) {
    const whole = path === '' ? root : `${root}/${path}`;
    return isAscii(whole) ? whole : Buffer.from(whole, 'latin1');
}
/** The bytes of a name that Node gave as text, one character for each. */
function toLatin1(path) {
    return isAscii(path) ? path : Buffer.from(path).toString('latin1');
}
function isAscii(text) {
    return !/[^\0-\x7f]/.test(text);
}

;// CONCATENATED MODULE: ./lib/errors.js
/** An error that a person reads: its message says what, where, the value seen and what to do. */
class errors_ActionError extends Error {
    name = 'ActionError';
    code;
    constructor(code, message, options) {
        super(message, options);
        this.code = code;
    }
}
/** Causes may go round in a circle. */
const MAX_CAUSES = 8;
/** The error's message and those of its causes in one line, each said once. */
function describeError(error) {
    const messages = [];
    let current = error;
    for (let depth = 0; current !== undefined && depth < MAX_CAUSES; depth++, current = causeOf(current)) {
        const message = messageOf(current);
        if (message !== '' && !messages.some((said) => said.includes(message)))
            messages.push(message);
    }
    return messages.join(': ');
}
function messageOf(error) {
    if (error instanceof AggregateError && error.message === '') {
        return error.errors.map(messageOf).join(', ');
    }
    return error instanceof Error ? error.message.replace(OPENSSL, '$1').trim() : String(error);
}
/** What OpenSSL says, of which only the reason is for readers: `…:error:…:library:function:reason:file:line:details`. */
const OPENSSL = /\b[0-9A-F]+:error:[0-9A-F]+:[^:\n]*:[^:\n]*:([^:\n]+):[^:\n]*:\d+:[^\n]*/g;
function causeOf(error) {
    return error instanceof Error ? error.cause : undefined;
}

;// CONCATENATED MODULE: external "node:buffer"
const external_node_buffer_namespaceObject = __WEBPACK_EXTERNAL_createRequire(import.meta.url)("node:buffer");
;// CONCATENATED MODULE: ./lib/shown-path.js

const MAX_LENGTH = 300;
/** A path (latin1) as a message shows it: quoted, control characters escaped, cut off where it is long. */
function shown_path_shownPath(path) {
    return JSON.stringify(Buffer.from(path, 'latin1').toString().slice(0, MAX_LENGTH));
}

;// CONCATENATED MODULE: ./lib/unpack/disk-error.js


const HINTS = {
    ENOSPC: 'no space is left on the disk',
    EDQUOT: 'the disk quota is used up',
    EROFS: 'the file system is read-only',
    EACCES: 'writing there is not allowed; files left by a container that runs as root can be the cause',
    EPERM: 'writing there is not allowed; files left by a container that runs as root can be the cause',
    EIO: 'the disk failed to read or write: it may be damaged, use another runner',
    EMFILE: 'this process has too many files open: raise the limit (ulimit -n)',
    ENFILE: 'the machine has too many files open: raise the limit (sysctl fs.file-max)',
    ELOOP: 'symbolic links lead round in a circle there',
    ENAMETOOLONG: 'the name is too long for this file system',
    EINVAL: 'this file system has no such names',
    EILSEQ: 'this file system has no names that are not UTF-8',
    EBUSY: 'another program has it open',
};
/** What a system call's error says of the entry at `path`, in a form that goes from thread to thread. */
function diskFailure(path, error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
    return { code, path, message: String(error) };
}
/** The error for an entry that the disk does not take. */
function diskError({ code, path, message }, cause) {
    const shown = shownPath(path);
    if (code === 'EEXIST') {
        const what = 'this file system takes it for the same name as an earlier entry';
        return new ActionError('UNSAFE_ENTRY', `the archive is refused at ${shown}: ${what}`, { cause });
    }
    return new ActionError('WRITE_FAILED', `could not write ${shown}: ${HINTS[code] ?? message} (${code})`, {
        cause,
    });
}

;// CONCATENATED MODULE: ./lib/unpack/folded.js

/**
 * Whether what could not be made at a place of the work tree is one there with what an earlier entry made: this file
 * system folds their names (case, normalisation), as a clone on macOS and Windows meets it. Two directories are then
 * one, and two files are left to git. What is of two kinds is an attack, since it leads elsewhere.
 */
function isFolded(error, place, kind) {
    if (error.code !== 'EEXIST')
        return false;
    const there = (0,external_node_fs_namespaceObject.lstatSync)(place);
    return kind === 'file' ? there.isFile() : there.isDirectory();
}

;// CONCATENATED MODULE: ./lib/unpack/index-record.js

/** The mode that git gives an entry. */
const GIT_MODE = { file: 0o100644, executable: 0o100755, symlink: 0o120000 };
const READER = process.platform === 'win32' ? 'git-for-windows' : 'git';
/**
 * Writes the stat data that a git index entry begins with (gitformat-index(5)): times, device, inode, mode, owner
 * and size, 32 bits each, cut off as git does.
 */
function writeStatData(record, given, mode, reader = READER) {
    const stat = reader === 'git' ? given : asGitForWindowsSees(given);
    record.writeUInt32BE(Number(stat.ctimeNs / BILLION), 0);
    record.writeUInt32BE(Number(stat.ctimeNs % BILLION), 4);
    record.writeUInt32BE(Number(stat.mtimeNs / BILLION), 8);
    record.writeUInt32BE(Number(stat.mtimeNs % BILLION), 12);
    record.writeUInt32BE(low32(stat.dev), 16);
    record.writeUInt32BE(low32(stat.ino), 20);
    record.writeUInt32BE(mode, index_layout_MODE_AT);
    record.writeUInt32BE(low32(stat.uid), 28);
    record.writeUInt32BE(low32(stat.gid), 32);
    record.writeUInt32BE(low32(stat.size), 36);
}
/**
 * Takes over a new ctime, which linking and renaming change. False, and nothing done, where anything else has
 * changed: then it is no longer known what the file holds.
 */
function renewStatData({ buffer, byteOffset, length }, stat, reader = READER) {
    const record = Buffer.from(buffer, byteOffset, length);
    const renewed = Buffer.from(record.subarray(0, STAT_BYTES));
    writeStatData(renewed, stat, record.readUInt32BE(MODE_AT), reader);
    if (!renewed.subarray(CTIME_BYTES).equals(record.subarray(CTIME_BYTES, STAT_BYTES)))
        return false;
    record.set(renewed);
    return true;
}
/** Its ctime is when the file was made, and it asks for no device, inode or owner. */
function asGitForWindowsSees({ birthtimeNs, mtimeNs, size }) {
    return { ctimeNs: birthtimeNs, mtimeNs, size, dev: 0n, ino: 0n, uid: 0n, gid: 0n };
}
const CTIME_BYTES = 8;
const BILLION = 1000000000n;
function low32(value) {
    return Number(BigInt.asUintN(32, value));
}

;// CONCATENATED MODULE: ./lib/unpack/tree-job.js
/** The memory that a batch of files travels in to a writer and back. */
const BLOCK_BYTES = (/* unused pure expression or super */ null && (1024 * 1024));
/**
 * The numbers of one part: the file's number, where its bytes are in the block, where they go in the file, the
 * file's size, and flags. Before the bytes of a whole tracked file stands what git hashes before them.
 */
const PART = { file: 0, start: 1, end: 2, position: 3, size: 4, flags: 5 };
const PART_FIELDS = 6;
const EXECUTABLE = 1;
/** A file of the work tree, whose index record is wanted. */
const TRACKED = 2;
/** What git hashes before the content of a file. */
function blobHeader(size) {
    return `blob ${size}\0`;
}

;// CONCATENATED MODULE: ./lib/unpack/tree-worker.js









// One thread of the tree's writers. Synchronous calls: ten times faster than asynchronous ones for small files.
const { root, mtime } = external_node_worker_threads_namespaceObject.workerData;
/** O_EXCL: whatever is there already, a link above all, is an error. */
const FLAGS = external_node_fs_namespaceObject.constants.O_CREAT | external_node_fs_namespaceObject.constants.O_EXCL | external_node_fs_namespaceObject.constants.O_WRONLY | (external_node_fs_namespaceObject.constants.O_NOFOLLOW ?? 0);
const tree_worker_open = new Map();
/** The numbers of files that are left to git, as an earlier one has their place. */
const left = new Set();
const LEFT = Symbol('left to git');
external_node_worker_threads_namespaceObject.parentPort?.on('message', (job) => {
    const result = run(job);
    external_node_worker_threads_namespaceObject.parentPort?.postMessage(result, result.kind === 'written' ? [result.block.buffer, result.records.buffer] : []);
});
function run(job) {
    const names = job.paths.split('\0');
    const files = new Uint32Array(names.length);
    const recordBytes = index_layout_STAT_BYTES + (job.hash === 'sha1' ? 20 : 32);
    const records = Buffer.alloc(names.length * recordBytes);
    let finished = 0;
    let path = '';
    try {
        for (let i = 0; i < names.length; i += 1) {
            path = names[i] ?? '';
            const part = partOf(job, i);
            const at = finished * recordBytes;
            const id = left.has(part.file) ? undefined : writePart(job, path, part, records.subarray(at));
            if (id === undefined)
                continue;
            if (id === LEFT) {
                left.add(part.file);
                continue;
            }
            records.write(id, at + index_layout_STAT_BYTES, 'hex');
            files[finished] = part.file;
            finished += 1;
        }
    }
    catch (error) {
        return { kind: 'failed', ...diskFailure(path, error) };
    }
    const { block } = job;
    const hasFolded = left.size > 0;
    return { kind: 'written', block, files: files.subarray(0, finished), records, recordBytes, hasFolded };
}
function partOf({ parts }, index) {
    const at = index * PART_FIELDS;
    return {
        file: parts[at + PART.file] ?? 0,
        start: parts[at + PART.start] ?? 0,
        end: parts[at + PART.end] ?? 0,
        position: parts[at + PART.position] ?? 0,
        size: parts[at + PART.size] ?? 0,
        flags: parts[at + PART.flags] ?? 0,
    };
}
/** Writes one part. Where that finished a tracked file: its object id in hex, its stat data written to `record`. */
function writePart(job, path, part, record) {
    const { block } = job;
    const { file, start, end, position, size, flags } = part;
    const isWhole = end - start === size;
    const isLast = position + end - start === size;
    const opened = isWhole ? openWhole(path, flags) : openPart(job, path, part);
    if (opened === undefined)
        return LEFT;
    try {
        for (let from = start; from < end;) {
            from += (0,external_node_fs_namespaceObject.writeSync)(opened.fd, block, from, end - from, position + from - start);
        }
        opened.hash?.update(block.subarray(start, end));
        if (!isLast)
            return undefined;
        (0,external_node_fs_namespaceObject.futimesSync)(opened.fd, mtime, mtime);
        if ((flags & TRACKED) === 0)
            return undefined;
        const mode = (flags & EXECUTABLE) === 0 ? GIT_MODE.file : GIT_MODE.executable;
        writeStatData(record, (0,external_node_fs_namespaceObject.fstatSync)(opened.fd, { bigint: true }), mode);
    }
    finally {
        if (isLast) {
            (0,external_node_fs_namespaceObject.closeSync)(opened.fd);
            tree_worker_open.delete(file);
        }
    }
    return opened.hash === undefined ? blobId(job, start, end) : opened.hash.digest('hex');
}
function openWhole(path, flags) {
    const fd = create(path, flags);
    return fd === undefined ? undefined : { fd, hash: undefined };
}
function openPart(job, path, { file, position, size, flags }) {
    const known = tree_worker_open.get(file);
    if (known !== undefined)
        return known;
    if (position > 0)
        throw new Error(`part of ${path} at ${position} came to the wrong writer`);
    const fd = create(path, flags);
    if (fd === undefined)
        return undefined;
    const tracked = (flags & TRACKED) !== 0;
    const opened = { fd, hash: tracked ? (0,external_node_crypto_namespaceObject.createHash)(job.hash).update(blobHeader(size)) : undefined };
    tree_worker_open.set(file, opened);
    return opened;
}
/** Modes as git makes them, through the umask. Undefined where git is to write the file. */
function create(path, flags) {
    const place = onDisk(root, path);
    try {
        return (0,external_node_fs_namespaceObject.openSync)(place, FLAGS, (flags & EXECUTABLE) === 0 ? 0o666 : 0o777);
    }
    catch (error) {
        if ((flags & TRACKED) !== 0 && isFolded(error, place, 'file'))
            return undefined;
        throw error;
    }
}
/**
 * One call hashes both what git hashes before the content, which stands there in the block, and the content. A file
 * that all but fills a block has it to itself, without that.
 */
function blobId({ block, hash: algorithm }, start, end) {
    const header = blobHeader(end - start);
    if (start > 0)
        return (0,external_node_crypto_namespaceObject.hash)(algorithm, block.subarray(start - header.length, end));
    return (0,external_node_crypto_namespaceObject.createHash)(algorithm).update(header).update(block.subarray(0, end)).digest('hex');
}

