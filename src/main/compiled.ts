// The program as one file, with what V8 has compiled of it: its owner writes that, and every user's commands read it.
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const OTHERS_MAY_WRITE = 0o022;
const CRC_DIGITS = 8;
const COMMAND_WORDS_MAX = 3;
/** The first runs of a command by the owner add what they compiled: each may take another branch. */
const RUNS_MAX = 3;
const DIGIT_0 = 0x30;
/** V8 discards code that has not run for a while. */
const COMPLETE_MAX_S = 60;

/** What the bundle exports. */
interface Program {
  /** Runs the command line of this process; resolves to the words that name the command that has run. */
  main(): Promise<readonly string[]>;
}

/** `rejected`: it belongs to this bundle, but not to this V8 and its flags. */
type CacheUse = 'used' | 'rejected' | 'none';

/** Starts the program in `directory`; gives whether code from the cache was used. */
export function startProgram(directory: string): CacheUse {
  const file = join(directory, 'portreeve.cjs');
  const source = readFileSync(file, 'latin1');
  const cache: Cache = {
    directory: join(directory, '.cache'),
    owner: statSync(file).uid,
    // Of the source, V8 itself compares only the length.
    id: source.slice(0, source.indexOf('\n') + 1),
  };
  const found = find(cache, process.argv.slice(2));
  const script = new Script(source, { filename: file, ...(found && { cachedData: found.code }) });
  const program = { exports: {} as Program };
  script.runInThisContext()(program.exports, createRequire(file), program, file, directory);
  void program.exports.main().then((words) => {
    const name = nameOf(words);
    const earlier = found?.name === name ? found : undefined;
    const isComplete = earlier && (script.cachedDataRejected || earlier.runs >= RUNS_MAX);
    if (isComplete || process.uptime() > COMPLETE_MAX_S) return;
    process.once('exit', () => add(cache, name, script, earlier?.runs ?? 0));
  });
  if (!found) return 'none';
  return script.cachedDataRejected ? 'rejected' : 'used';
}

/**
 * A directory with a file for each command. What is in it is executed, also by root: only those who can write the
 * program itself may be able to write it.
 */
interface Cache {
  readonly directory: string;
  /** The owner of the bundle. */
  readonly owner: number;
  /** A line that no other bundle begins with. */
  readonly id: string;
}

/** The name of the file for a command. */
function nameOf(words: readonly string[]): string {
  return [process.versions.node, process.arch, ...words].join('-');
}

/** Compiled code, and how many runs have added to it. */
interface Compiled {
  readonly code: Buffer;
  readonly runs: number;
}

/** The code for a command line, or for what all commands have in common. */
function find(cache: Cache, typed: readonly string[]): (Compiled & { readonly name: string }) | undefined {
  if (!hasDirectory(cache)) return undefined;
  const end = typed.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  const words = typed.slice(0, end < 0 ? COMMAND_WORDS_MAX : Math.min(end, COMMAND_WORDS_MAX));
  for (let count = words.length; count >= 0; count--) {
    const name = nameOf(words.slice(0, count));
    const compiled = read(cache, name);
    if (compiled) return { ...compiled, name };
  }
  return undefined;
}

/**
 * Keeps what is compiled for a command. Only the owner's commands do: root does not write into another user's
 * directory. Where it fails, the command starts more slowly, and that is all.
 */
function add(cache: Cache, name: string, script: Script, earlierRuns: number): void {
  if (process.geteuid?.() !== cache.owner) return;
  try {
    if (mkdirSync(cache.directory, { recursive: true, mode: DIRECTORY_MODE }) !== undefined) {
      chmodSync(cache.directory, DIRECTORY_MODE);
    }
    // Without earlier runs the code began with that of another command.
    if (!hasDirectory(cache) || (earlierRuns === 0 && read(cache, name))) return;
    write(cache, name, { code: script.createCachedData(), runs: earlierRuns + 1 });
  } catch {}
}

function isSafe({ uid, mode }: Stats, { owner }: Cache): boolean {
  return uid === owner && (mode & OTHERS_MAY_WRITE) === 0;
}

function hasDirectory(cache: Cache): boolean {
  const found = lstatSync(cache.directory, { throwIfNoEntry: false });
  return found?.isDirectory() === true && isSafe(found, cache);
}

function read(cache: Cache, name: string): Compiled | undefined {
  try {
    const fd = openSync(join(cache.directory, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const found = fstatSync(fd);
      return found.isFile() && isSafe(found, cache) ? compiledIn(readFileSync(fd), cache.id) : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Others see the file before or the file after. */
function write({ directory, id }: Cache, name: string, { code, runs }: Compiled): void {
  const draft = join(directory, `.${name}-${process.pid}`);
  const fd = openSync(draft, 'wx', FILE_MODE);
  try {
    fchmodSync(fd, FILE_MODE);
    writeFileSync(fd, `${id}${checksum(code)}${runs}\n`);
    writeFileSync(fd, code);
    renameSync(draft, join(directory, name));
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw thrown;
  } finally {
    closeSync(fd);
  }
}

/** A file begins with the first line of the bundle, and a line with the checksum of the code and the runs, a digit. */
function compiledIn(bytes: Buffer, id: string): Compiled | undefined {
  const runsAt = id.length + CRC_DIGITS;
  const code = bytes.subarray(runsAt + 2);
  // V8 trusts the code: a wrong byte would crash it.
  if (bytes.toString('latin1', 0, runsAt) !== `${id}${checksum(code)}`) return undefined;
  return { code, runs: (bytes[runsAt] ?? 0) - DIGIT_0 };
}

function checksum(code: Uint8Array): string {
  return crc32(code).toString(16).padStart(CRC_DIGITS, '0');
}
