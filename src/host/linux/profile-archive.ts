// The archive of what was applied: an SQLite database in the state directory, in which a revision is one transaction.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { ARCHIVE_WAIT_MS } from '../../base/limits.ts';
import type { ArchivedText, NewRevision, ProfileArchive, Revision, RevisionHead } from '../host.ts';

/** The file in the state directory. */
export const PROFILE_DATABASE = 'profile.db';
/** What tells our databases from others (PRAGMA application_id): "prev". */
const APPLICATION_ID = 0x70726576;
/** The layout of the tables (PRAGMA user_version). */
const SCHEMA_VERSION = 1;
/** What an SQLite database begins with (sqlite.org/fileformat2.html). */
const MAGIC = 'SQLite format 3\0';
/** Everybody may look at what is in force. */
const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

// Result codes (sqlite.org/rescode.html); the lowest byte is the primary one.
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SQLITE_READONLY_ROLLBACK = 776;

// A text is kept once, however often it is applied.
const SCHEMA = `
CREATE TABLE texts (hash TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT;
CREATE TABLE revisions (
  number INTEGER PRIMARY KEY,
  time_ms INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  user TEXT,
  verb TEXT NOT NULL,
  again INTEGER REFERENCES revisions (number),
  zos_names INTEGER NOT NULL,
  keep_going INTEGER NOT NULL,
  tcpname TEXT NOT NULL
) STRICT;
CREATE TABLE symbols (
  revision INTEGER NOT NULL REFERENCES revisions (number),
  name TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;
CREATE TABLE files (
  revision INTEGER NOT NULL REFERENCES revisions (number),
  role TEXT NOT NULL,
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  hash TEXT NOT NULL REFERENCES texts (hash)
) STRICT;
CREATE INDEX symbols_of ON symbols (revision);
CREATE INDEX files_of ON files (revision, role, position);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** The archive in a state directory, made with the first revision. The database is open only while it is used. */
export class SqliteProfileArchive implements ProfileArchive {
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, PROFILE_DATABASE);
  }

  heads(): RevisionHead[] {
    return this.#look(headsIn) ?? [];
  }

  read(number: number): Revision | undefined {
    return this.#look((db) => revisionIn(db, number));
  }

  append(revision: NewRevision, after: number): number {
    return this.#guarded(() => {
      makePlace(this.#directory, this.#path);
      using db = this.#open(false);
      db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
      try {
        if (this.#isBlank(db)) db.exec(SCHEMA);
        requireSound(db);
        const number = insert(db, revision, after);
        db.exec('COMMIT');
        return number;
      } catch (thrown) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw thrown;
      }
    });
  }

  /** What is read of the database, undefined where there is none. */
  #look<T>(read: (db: DatabaseSync) => T): T | undefined {
    const look = (readOnly: boolean): T | undefined => {
      using db = this.#open(readOnly);
      return this.#isBlank(db) ? undefined : read(db);
    };
    return this.#guarded(() => {
      if ((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
      try {
        return look(true);
      } catch (thrown) {
        // Whoever changed it last was cut off. What he had begun is undone by the first who may write there.
        if (resultCode(thrown) !== SQLITE_READONLY_ROLLBACK) throw thrown;
        return look(false);
      }
    });
  }

  #open(readOnly: boolean): DatabaseSync {
    const beginning = beginningOf(this.#path, MAGIC.length);
    if (beginning !== '' && beginning !== MAGIC) throw this.#foreign();
    const { DatabaseSync } = sqlite();
    return new DatabaseSync(this.#path, { readOnly, timeout: ARCHIVE_WAIT_MS });
  }

  /** Whether the database has nothing in it yet. Throws if it is none of ours, or of a newer portreeve. */
  #isBlank(db: DatabaseSync): boolean {
    const application = onlyNumber(db, 'PRAGMA application_id');
    const version = onlyNumber(db, 'PRAGMA user_version');
    if (application === 0 && version === 0 && onlyNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0) {
      return true;
    }
    if (application !== APPLICATION_ID) throw this.#foreign();
    if (version <= SCHEMA_VERSION) return false;
    const layouts = `layout ${version}; this one knows ${SCHEMA_VERSION}`;
    const message = `${this.#path} was written by a newer portreeve (${layouts})`;
    throw new PortreeveError('world', 'ARCHIVE_NEWER', message, 'Use that one, or another --state DIR.');
  }

  #foreign(): PortreeveError {
    const message = `${this.#path} is no archive of portreeve`;
    const hint = 'It is left as it is. Move it away, or choose another directory with --state DIR.';
    return new PortreeveError('world', 'ARCHIVE_FOREIGN', message, hint, { path: this.#path });
  }

  /** Runs what reads or writes; whatever goes wrong becomes an error that names the file. */
  #guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      if (thrown instanceof PortreeveError) throw thrown;
      throw archiveError(this.#path, thrown);
    }
  }
}

/** What is in the database and cannot be ours. */
class Damage extends Error {}

function archiveError(path: string, thrown: unknown): PortreeveError {
  const code = resultCode(thrown);
  const primary = code & 0xff;
  const data = { path };
  if (thrown instanceof Damage || primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
    const message = `${path} is damaged: ${messageOf(thrown)}`;
    const hint = 'Nothing was changed. Move it away, or bring back a copy of it.';
    return new PortreeveError('world', 'ARCHIVE_CORRUPT', message, hint, data);
  }
  if (code === SQLITE_READONLY_ROLLBACK) {
    const message = `${path} was left in the middle of a change, which you may not undo`;
    const hint = 'As its owner, run: portreeve profile history';
    return new PortreeveError('world', 'ARCHIVE_FAILED', message, hint, data);
  }
  const hint =
    primary === SQLITE_BUSY
      ? 'Another portreeve is changing it. Try again.'
      : 'Check the permissions and the room of its directory, or choose another with --state DIR.';
  const message = `cannot use ${path}: ${messageOf(thrown)}`;
  return new PortreeveError('world', 'ARCHIVE_FAILED', message, hint, data);
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

/** Makes the directory and an empty file where they are missing; the umask does not hide them from others. */
function makePlace(directory: string, path: string): void {
  if (makeDirectory(directory)) chmodSync(directory, DIRECTORY_MODE);
  if (existsSync(path)) return;
  const fd = openSync(path, 'a', FILE_MODE);
  try {
    fchmodSync(fd, FILE_MODE);
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

function insert(db: DatabaseSync, revision: NewRevision, after: number): number {
  const latest = onlyNumber(db, 'SELECT coalesce(max(number), 0) FROM revisions');
  if (latest !== after) {
    const message = `revision ${latest} was recorded meanwhile`;
    const hint = 'Nothing was changed. Look at what is in force now, and try again.';
    throw new PortreeveError('refused', 'ARCHIVE_MOVED', message, hint, { latest, after });
  }
  const number = after + 1;
  const { timeMs, uid, user, verb, again, options, texts, racf } = revision;
  const { zosNames, keepGoing, tcpname, symbols } = options;
  db.prepare('INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
    number,
    timeMs,
    uid,
    user ?? null,
    verb,
    again ?? null,
    zosNames ? 1 : 0,
    keepGoing ? 1 : 0,
    tcpname,
  );
  const addSymbol = db.prepare('INSERT INTO symbols VALUES (?, ?, ?)');
  for (const [name, value] of Object.entries(symbols)) addSymbol.run(number, name, value);
  for (const [position, text] of texts.entries()) insertText(db, number, 'profile', position, text);
  if (racf) insertText(db, number, 'racf', 0, racf);
  return number;
}

function insertText(
  db: DatabaseSync,
  revision: number,
  role: string,
  position: number,
  file: ArchivedText,
): void {
  const { path, text } = file;
  const hash = hashOf(text);
  db.prepare('INSERT INTO texts VALUES (?, ?) ON CONFLICT DO NOTHING').run(hash, text);
  db.prepare('INSERT INTO files VALUES (?, ?, ?, ?, ?)').run(revision, role, position, path, hash);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

type Row = Readonly<Record<string, SQLOutputValue>>;

function headsIn(db: DatabaseSync): RevisionHead[] {
  const paths = Map.groupBy(
    db.prepare("SELECT revision, path FROM files WHERE role = 'profile' ORDER BY revision, position").all(),
    (row) => number(row, 'revision'),
  );
  const symbols = Map.groupBy(db.prepare('SELECT * FROM symbols').all(), (row) => number(row, 'revision'));
  return db
    .prepare('SELECT * FROM revisions ORDER BY number')
    .all()
    .map((row) => {
      const key = number(row, 'number');
      return headOf(row, symbols.get(key) ?? [], paths.get(key) ?? []);
    });
}

function revisionIn(db: DatabaseSync, key: number): Revision | undefined {
  const row = db.prepare('SELECT * FROM revisions WHERE number = ?').get(key);
  if (!row) return undefined;
  const symbols = db.prepare('SELECT * FROM symbols WHERE revision = ?').all(key);
  const { paths: _paths, ...head } = headOf(row, symbols, []);
  const [racf] = textsIn(db, key, 'racf');
  return { ...head, texts: textsIn(db, key, 'profile'), racf };
}

function headOf(row: Row, symbols: readonly Row[], paths: readonly Row[]): RevisionHead {
  return {
    number: number(row, 'number'),
    timeMs: number(row, 'time_ms'),
    uid: number(row, 'uid'),
    user: row['user'] === null ? undefined : text(row, 'user'),
    verb: verbOf(text(row, 'verb')),
    again: row['again'] === null ? undefined : number(row, 'again'),
    options: {
      zosNames: number(row, 'zos_names') === 1,
      keepGoing: number(row, 'keep_going') === 1,
      tcpname: text(row, 'tcpname'),
      symbols: Object.fromEntries(symbols.map((symbol) => [text(symbol, 'name'), text(symbol, 'value')])),
    },
    paths: paths.map((file) => text(file, 'path')),
  };
}

function textsIn(db: DatabaseSync, key: number, role: string): ArchivedText[] {
  return db
    .prepare(
      `SELECT path, hash, text FROM files JOIN texts USING (hash)
       WHERE revision = ? AND role = ? ORDER BY position`,
    )
    .all(key, role)
    .map((row) => {
      const file = { path: text(row, 'path'), text: text(row, 'text') };
      if (hashOf(file.text) === row['hash']) return file;
      throw new Damage(`the text of ${file.path} in revision ${key} is not the one that was recorded`);
    });
}

function verbOf(word: string): Revision['verb'] {
  if (word === 'apply' || word === 'obey' || word === 'again') return word;
  throw new Damage(`there is no verb "${word}"`);
}

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new Damage(`${column} is no text`);
}

function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new Damage(`${column} is no number`);
}

/** The number that a statement gives. */
function onlyNumber(db: DatabaseSync, statement: string): number {
  const [value] = Object.values(db.prepare(statement).get() ?? {});
  if (typeof value === 'number') return value;
  throw new Damage(`${statement} gives no number`);
}
