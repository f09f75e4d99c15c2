// A file of ours that is an SQLite database: made, told from others, looked at without changing it, and its errors.
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

/** What an SQLite database begins with (sqlite.org/fileformat2.html). */
const MAGIC = 'SQLite format 3\0';
const DIRECTORY_MODE = 0o755;

// Result codes (sqlite.org/rescode.html); the lowest byte is the primary one.
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** Whoever changed it last was cut off: the first who may write there has to bring it in order. */
const UNFINISHED: ReadonlySet<number> = new Set([
  264, // SQLITE_READONLY_RECOVERY
  776, // SQLITE_READONLY_ROLLBACK
  1288, // SQLITE_READONLY_CANTINIT
]);

interface DatabaseSpec {
  /** What tells it from others (PRAGMA application_id). */
  readonly application: number;
  /** The layout of its tables (PRAGMA user_version). */
  readonly version: number;
  /** The statements that make its tables. */
  readonly schema: string;
  /** Who may look at it, beside its owner. */
  readonly mode: number;
  /** The group that it belongs to; undefined: its owner's. */
  readonly gid: number | undefined;
  /** A command by which its owner brings it in order. */
  readonly remedy: string;
}

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** What is in a database and cannot be ours. */
export class Damage extends Error {}

/**
 * The file. Its methods throw PortreeveError `ARCHIVE_CORRUPT`, `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED`
 * (all world), which name it.
 */
export class DatabaseFile {
  readonly path: string;
  readonly #spec: DatabaseSpec;

  constructor(path: string, spec: DatabaseSpec) {
    this.path = path;
    this.#spec = spec;
  }

  /** What is read of it; undefined where there is none, or nothing in it yet. */
  look<T>(read: (db: DatabaseSync) => T): T | undefined {
    const look = (readOnly: boolean): T | undefined => {
      using db = this.#open(readOnly);
      return this.#isBlank(db) ? undefined : read(db);
    };
    return this.guarded(() => {
      if ((statSync(this.path, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
      try {
        return look(true);
      } catch (thrown) {
        if (!UNFINISHED.has(resultCode(thrown))) throw thrown;
        return look(false);
      }
    });
  }

  /** Opens it for writing, made where it is missing, every page of it looked at; the caller's to close. */
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

  /** Runs what reads or writes; what SQLite or a system call refuses becomes an error that names the file. */
  guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      throw isOfTheFile(thrown) ? this.#error(thrown) : thrown;
    }
  }

  #makeTables(db: DatabaseSync): void {
    const { application, version, schema } = this.#spec;
    const marks = `PRAGMA application_id = ${application}; PRAGMA user_version = ${version};`;
    db.exec('BEGIN IMMEDIATE');
    // Another portreeve may have made them meanwhile.
    if (this.#isBlank(db)) db.exec(`${schema} ${marks}`);
    db.exec('COMMIT');
  }

  #open(readOnly: boolean): DatabaseSync {
    const beginning = beginningOf(this.path, MAGIC.length);
    if (beginning !== '' && beginning !== MAGIC) throw this.#foreign();
    const { DatabaseSync } = sqlite();
    return new DatabaseSync(this.path, { readOnly, timeout: ARCHIVE_WAIT_MS });
  }

  /** Whether it has nothing in it yet. Throws if it is none of ours, or of a newer portreeve. */
  #isBlank(db: DatabaseSync): boolean {
    const application = onlyNumber(db, 'PRAGMA application_id');
    const version = onlyNumber(db, 'PRAGMA user_version');
    if (application === 0 && version === 0 && onlyNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0) {
      return true;
    }
    if (application !== this.#spec.application) throw this.#foreign();
    if (version <= this.#spec.version) return false;
    const layouts = `layout ${version}; this one knows ${this.#spec.version}`;
    const message = `${this.path} was written by a newer portreeve (${layouts})`;
    throw new PortreeveError('ARCHIVE_NEWER', message, 'Use that one, or another --state DIR.');
  }

  #foreign(): PortreeveError {
    const message = `${this.path} is no archive of portreeve`;
    const hint = 'It is left as it is. Move it away, or choose another directory with --state DIR.';
    return new PortreeveError('ARCHIVE_FOREIGN', message, hint, { path: this.path });
  }

  #error(thrown: unknown): PortreeveError {
    const code = resultCode(thrown);
    const primary = code & 0xff;
    const data = { path: this.path };
    if (thrown instanceof Damage || primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
      const message = `${this.path} is damaged: ${messageOf(thrown)}`;
      const hint = 'Nothing was changed. Move it away, or bring back a copy of it.';
      return new PortreeveError('ARCHIVE_CORRUPT', message, hint, data);
    }
    if (UNFINISHED.has(code)) {
      const message = `${this.path} was left in the middle of a change, which you may not undo`;
      const hint = `As its owner, run: ${this.#spec.remedy}`;
      return new PortreeveError('ARCHIVE_FAILED', message, hint, data);
    }
    const hint =
      primary === SQLITE_BUSY
        ? 'Another portreeve is changing it. Try again.'
        : 'Check the permissions and the room of its directory, or choose another with --state DIR.';
    const message = `cannot use ${this.path}: ${messageOf(thrown)}`;
    return new PortreeveError('ARCHIVE_FAILED', message, hint, data);
  }
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new Damage(`${column} is no text`);
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new Damage(`${column} is no number`);
}

/** The number that a statement gives. */
export function onlyNumber(db: DatabaseSync, statement: string): number {
  const [value] = Object.values(db.prepare(statement).get() ?? {});
  if (typeof value === 'number') return value;
  throw new Damage(`${statement} gives no number`);
}

/** Whether it is about the file, and is not our own bug. */
function isOfTheFile(thrown: unknown): boolean {
  return (
    thrown instanceof Damage || (thrown instanceof Error && ('errcode' in thrown || 'syscall' in thrown))
  );
}

/** The extended result code of an error of SQLite, 0 for others. */
function resultCode(thrown: unknown): number {
  if (!(thrown instanceof Error && 'errcode' in thrown)) return 0;
  return typeof thrown.errcode === 'number' ? thrown.errcode : 0;
}

/** SQLite, without the warning of some versions of Node that it may still change; other warnings are let through. */
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

/** Makes the directory and an empty file where they are missing; whoever is to look at it may, whatever the umask. */
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

/** Makes a directory and those above it; false if it is there. (`recursive` of mkdirSync never ends in /proc.) */
function makeDirectory(directory: string): boolean {
  if (existsSync(directory)) return false;
  makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
    return true;
  } catch (thrown) {
    // Another portreeve may have made it meanwhile.
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

/** Looks at every page before anything is added. */
function requireSound(db: DatabaseSync): void {
  const [row = {}] = db.prepare('PRAGMA quick_check(1)').all();
  const [answer] = Object.values(row);
  if (answer !== 'ok') throw new Damage(`${answer}`);
}
