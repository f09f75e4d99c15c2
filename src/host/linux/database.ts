// An SQLite database file: creation, identification, reading without changes, and error messages.
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { ARCHIVE_WAIT_MS } from '../../base/limits.ts';

/** The magic string of an SQLite database (sqlite.org/fileformat2.html). */
const MAGIC = 'SQLite format 3\0';
const DIRECTORY_MODE = 0o755;

// Result codes (sqlite.org/rescode.html). The lowest byte is the primary code.
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** The last writer was interrupted. The next process with write permission must recover the file. */
const NEEDS_RECOVERY: ReadonlySet<number> = new Set([
  264, // SQLITE_READONLY_RECOVERY
  776, // SQLITE_READONLY_ROLLBACK
  1288, // SQLITE_READONLY_CANTINIT
]);

interface DatabaseSpec {
  /** Identifies our databases (PRAGMA application_id). */
  readonly application: number;
  /** The version of the schema (PRAGMA user_version). */
  readonly version: number;
  /** The statements that create the tables. */
  readonly schema: string;
  /** The file mode. */
  readonly mode: number;
  /** The group of the file. Undefined: its owner's. */
  readonly gid: number | undefined;
  /** A command by which its owner can recover it. */
  readonly remedy: string;
}

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** The contents of the database are invalid. */
export class Damage extends Error {}

/**
 * A database file. Its methods throw PortreeveError `ARCHIVE_CORRUPT`, `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and
 * `ARCHIVE_FAILED` (all environment), which name the file.
 */
export class DatabaseFile {
  readonly path: string;
  readonly #spec: DatabaseSpec;

  constructor(path: string, spec: DatabaseSpec) {
    this.path = path;
    this.#spec = spec;
  }

  /** Calls `action` with the database opened for reading. Returns undefined if it does not exist or is empty. */
  read<T>(action: (db: DatabaseSync) => T): T | undefined {
    const run = (readOnly: boolean): T | undefined => {
      using db = this.#open(readOnly);
      return this.#isBlank(db) ? undefined : action(db);
    };
    return this.guarded(() => {
      if ((statSync(this.path, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
      try {
        return run(true);
      } catch (thrown) {
        if (!NEEDS_RECOVERY.has(resultCode(thrown))) throw thrown;
        return run(false);
      }
    });
  }

  /** Opens it for writing, creates it if necessary, and checks every page. The caller must close it. */
  openToWrite(): DatabaseSync {
    return this.guarded(() => {
      makeFile(this.path, this.#spec);
      const db = this.#open(false);
      try {
        if (this.#isBlank(db)) this.#makeTables(db);
        requireSound(db);
        return db;
      } catch (thrown) {
        db.close();
        throw thrown;
      }
    });
  }

  /** Runs `action`, and turns errors of SQLite and of system calls into errors that name the file. */
  guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      throw isFileError(thrown) ? this.#error(thrown) : thrown;
    }
  }

  #makeTables(db: DatabaseSync): void {
    const { application, version, schema } = this.#spec;
    const marks = `PRAGMA application_id = ${application}; PRAGMA user_version = ${version};`;
    db.exec('BEGIN IMMEDIATE');
    // Another portreeve may have created them since.
    if (this.#isBlank(db)) db.exec(`${schema} ${marks}`);
    db.exec('COMMIT');
  }

  #open(readOnly: boolean): DatabaseSync {
    const beginning = beginningOf(this.path, MAGIC.length);
    if (beginning !== '' && beginning !== MAGIC) throw this.#foreign();
    const { DatabaseSync } = sqlite();
    return new DatabaseSync(this.path, { readOnly, timeout: ARCHIVE_WAIT_MS });
  }

  /** Whether the database is empty. Throws if it is foreign, or has a newer version. */
  #isBlank(db: DatabaseSync): boolean {
    const application = onlyNumber(db, 'PRAGMA application_id');
    const version = onlyNumber(db, 'PRAGMA user_version');
    if (application === 0 && version === 0 && onlyNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0) {
      return true;
    }
    if (application !== this.#spec.application) throw this.#foreign();
    if (version <= this.#spec.version) return false;
    const layouts = `version ${version}; this one supports up to ${this.#spec.version}`;
    const message = `${this.path} was written by a newer portreeve (${layouts})`;
    throw new PortreeveError(
      'ARCHIVE_NEWER',
      message,
      'Use that version, or another directory with --state DIR.',
    );
  }

  #foreign(): PortreeveError {
    const message = `${this.path} is not an archive of portreeve`;
    const hint = 'It was not changed. Move it away, or choose another directory with --state DIR.';
    return new PortreeveError('ARCHIVE_FOREIGN', message, hint, { path: this.path });
  }

  #error(thrown: unknown): PortreeveError {
    const code = resultCode(thrown);
    const primary = code & 0xff;
    const data = { path: this.path };
    if (thrown instanceof Damage || primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
      const message = `${this.path} is damaged: ${messageOf(thrown)}`;
      const hint = 'Nothing was changed. Move it away, or restore a backup.';
      return new PortreeveError('ARCHIVE_CORRUPT', message, hint, data);
    }
    if (NEEDS_RECOVERY.has(code)) {
      const message = `${this.path} was left in the middle of a change, and you have no permission to recover it`;
      const hint = `As its owner, run: ${this.#spec.remedy}`;
      return new PortreeveError('ARCHIVE_FAILED', message, hint, data);
    }
    const hint =
      primary === SQLITE_BUSY
        ? 'Another portreeve is changing it. Try again.'
        : 'Check the permissions and free space of its directory, or choose another with --state DIR.';
    const message = `cannot use ${this.path}: ${messageOf(thrown)}`;
    return new PortreeveError('ARCHIVE_FAILED', message, hint, data);
  }
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new Damage(`${column} is not a text`);
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new Damage(`${column} is not a number`);
}

/** The number that a statement returns. */
export function onlyNumber(db: DatabaseSync, statement: string): number {
  const [value] = Object.values(db.prepare(statement).get() ?? {});
  if (typeof value === 'number') return value;
  throw new Damage(`${statement} did not return a number`);
}

/** Whether the error is about the file, and not a bug. */
function isFileError(thrown: unknown): boolean {
  return (
    thrown instanceof Damage || (thrown instanceof Error && ('errcode' in thrown || 'syscall' in thrown))
  );
}

/** The extended result code of an SQLite error, or 0. */
function resultCode(thrown: unknown): number {
  if (!(thrown instanceof Error && 'errcode' in thrown)) return 0;
  return typeof thrown.errcode === 'number' ? thrown.errcode : 0;
}

/** Loads SQLite without the experimental warning of some versions of Node. Other warnings are kept. */
function sqlite() {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const isNotice = rest[0] === 'ExperimentalWarning' && messageOf(warning).startsWith('SQLite');
    if (!isNotice) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Creates the directory and an empty file if missing, and sets its mode regardless of the umask. */
function makeFile(path: string, { mode, gid }: DatabaseSpec): void {
  const directory = dirname(path);
  if (makeDirectory(directory)) chmodSync(directory, DIRECTORY_MODE);
  const fd = openSync(path, 'a', mode);
  try {
    const { uid, gid: itsGid, mode: itsMode } = fstatSync(fd);
    if (uid !== process.geteuid?.()) return;
    if (gid !== undefined && itsGid !== gid) fchownSync(fd, uid, gid);
    if ((itsMode & 0o777) !== mode) fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/**
 * Creates a directory and its parents. Returns false if it exists. (mkdirSync with `recursive` never returns in /proc.)
 */
function makeDirectory(directory: string): boolean {
  if (existsSync(directory)) return false;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
    return true;
  } catch (thrown) {
    // Another portreeve may have created it since.
    if (existsSync(directory)) return false;
    throw thrown;
  }
}

function beginningOf(path: string, bytes: number): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

/** Checks every page before anything is written. */
function requireSound(db: DatabaseSync): void {
  const [row = {}] = db.prepare('PRAGMA quick_check(1)').all();
  const [answer] = Object.values(row);
  if (answer !== 'ok') throw new Damage(`${answer}`);
}
