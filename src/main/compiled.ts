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
  readdirSync,
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
import { WRITE_BY_OTHERS, whyUntrusted } from '../host/linux/trusted-directory.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;
const CHECKSUM_DIGITS = 8;
/** A digit and the end of the line. */
const RUNS_CHARACTERS = 2;
const COMMAND_WORDS_MAX = 3;
/** The first runs of a command by the owner add what they compiled: each may take another branch. */
const RUNS_MAX = 3;
const DIGIT_0 = 0x30;
/** V8 discards code that has not run for a while. */
const COMPLETE_MAX_S = 60;
/** Nothing takes as long to be written. */
const DRAFT_MAX_MS = 60_000;
const MS_PER_S = 1000;
const EXIT_BUG = 3;

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
  // Before it is read: if it is replaced in the meantime, the code belongs to no file.
  const { uid, mtimeMs } = statSync(file);
  const source = readFileSync(file, 'latin1');
  const cache: Cache = {
    directory: join(directory, '.cache'),
    owner: uid,
    // Of the source, V8 itself compares only the length. The time tells that the file was edited.
    id: `${source.slice(0, source.indexOf('\n') + 1)}${Math.trunc(mtimeMs / MS_PER_S)}\n`,
  };
  const found = find(cache, process.argv.slice(2));
  const script = new Script(source, { filename: file, ...(found && { cachedData: found.code }) });
  const program = { exports: {} as Program };
  script.runInThisContext()(program.exports, createRequire(file), program, file, directory);
  process.once('beforeExit', reportUnfinished);
  void program.exports.main().then((words) => {
    process.off('beforeExit', reportUnfinished);
    const name = nameOf(words);
    const earlier = found?.name === name ? found : undefined;
    const isComplete = earlier && (script.cachedDataRejected || earlier.runs >= RUNS_MAX);
    if (isComplete || process.uptime() > COMPLETE_MAX_S) return;
    process.once('exit', () => add(cache, name, script, earlier?.runs ?? 0));
  });
  if (!found) return 'none';
  return script.cachedDataRejected ? 'rejected' : 'used';
}

/** Node would report success if a command waits for something that cannot happen any more. */
function reportUnfinished(): void {
  console.error('portreeve: error[BUG]: the command has not ended\nThis is a bug of portreeve.');
  process.exitCode = EXIT_BUG;
}

/**
 * A directory with a file for each command. What is in it is executed, also by root: only those who can write the
 * program itself may be able to write it.
 */
interface Cache {
  readonly directory: string;
  /** The owner of the bundle. */
  readonly owner: number;
  /** The first line of the bundle, which no other one begins with, and a line with the time of its last change. */
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
  if (!isTrusted(cache)) return undefined;
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
  // It may have flags for V8, with which the code would be of no use to other commands.
  if (process.env['NODE_OPTIONS']) return;
  try {
    makeDirectory(cache.directory);
    // Without earlier runs the code began with that of another command.
    if (!isTrusted(cache) || (earlierRuns === 0 && read(cache, name))) return;
    write(cache, name, { code: script.createCachedData(), runs: earlierRuns + 1 });
  } catch {}
}

/** Only in the directory of the bundle, which a build may have moved away: then there is nothing to add to. */
function makeDirectory(directory: string): void {
  if (lstatSync(directory, { throwIfNoEntry: false })) return;
  mkdirSync(directory, DIRECTORY_MODE);
  chmodSync(directory, DIRECTORY_MODE);
}

function isSafe({ uid, mode }: Stats, { owner }: Cache): boolean {
  return uid === owner && (mode & WRITE_BY_OTHERS) === 0;
}

/** Whether its directory is trusted, or does not exist. */
function isTrusted({ directory, owner }: Cache): boolean {
  return whyUntrusted(directory, [owner]) === undefined;
}

function read(cache: Cache, name: string): Compiled | undefined {
  try {
    // Only what is a file is read: opening a pipe must not wait for its writer.
    const fd = openSync(join(cache.directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
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
  removeOldDrafts(directory);
  const draft = join(directory, `.${name}-${process.pid}`);
  const fd = openSync(draft, 'wx', FILE_MODE);
  try {
    fchmodSync(fd, FILE_MODE);
    writeFileSync(fd, code);
    writeFileSync(fd, `${id}${checksum(code)}${runs}\n`);
    renameSync(draft, join(directory, name));
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw thrown;
  } finally {
    closeSync(fd);
  }
}

/** Removes what commands left that were killed while they wrote. */
function removeOldDrafts(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith('.')) continue;
    const draft = join(directory, name);
    if (Date.now() - lstatSync(draft).mtimeMs > DRAFT_MAX_MS) rmSync(draft, { force: true });
  }
}

/** The code is followed by the id of the bundle, and a line with the checksum of the code and the runs, a digit. */
function compiledIn(bytes: Buffer, id: string): Compiled | undefined {
  const end = bytes.length - id.length - CHECKSUM_DIGITS - RUNS_CHARACTERS;
  if (end < 0) return undefined;
  const code = bytes.subarray(0, end);
  const runsAt = bytes.length - RUNS_CHARACTERS;
  // V8 trusts the code: a wrong byte would crash it.
  if (bytes.toString('latin1', end, runsAt) !== `${id}${checksum(code)}`) return undefined;
  return { code, runs: (bytes[runsAt] ?? 0) - DIGIT_0 };
}

function checksum(code: Uint8Array): string {
  return crc32(code).toString(16).padStart(CHECKSUM_DIGITS, '0');
}
