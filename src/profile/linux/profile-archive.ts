// The archive of applied profiles: an SQLite database in the state directory. Each revision is one transaction.
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { PortreeveError } from '../../base/errors.ts';
import { Damage, DatabaseFile, numberOf, onlyNumber, type Row, textOf } from '../../host/linux/database.ts';
import { PROFILE_DATABASE } from '../../host/linux/state-files.ts';
import type { ArchivedText, NewRevision, ProfileArchive, Revision, RevisionHead } from '../core/archive.ts';

/** Identifies the database (PRAGMA application_id): "prev". */
const APPLICATION_ID = 0x70726576;
/** The layout of the tables (PRAGMA user_version). */
const SCHEMA_VERSION = 1;
/** Any user may read the profile in force. */
const FILE_MODE = 0o644;

// Each text is stored once, even if it is applied several times.
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
`;

/** Created with the first trial: archives of older versions do not have it, and those versions can still read it. */
const TRIALS =
  'CREATE TABLE IF NOT EXISTS trials (revision INTEGER PRIMARY KEY REFERENCES revisions (number)) STRICT';

/** The archive in a state directory, created with the first revision. The database is open only during a call. */
export class SqliteProfileArchive implements ProfileArchive {
  readonly #file: DatabaseFile;

  constructor(directory: string) {
    this.#file = new DatabaseFile(join(directory, PROFILE_DATABASE), {
      application: APPLICATION_ID,
      version: SCHEMA_VERSION,
      schema: SCHEMA,
      mode: FILE_MODE,
      gid: undefined,
      remedy: 'portreeve profile history',
    });
  }

  heads(): RevisionHead[] {
    return this.#file.read(headsIn) ?? [];
  }

  read(number: number): Revision | undefined {
    return this.#file.read((db) => revisionIn(db, number));
  }

  append(revision: NewRevision, after: number, isOnTrial = false): number {
    return this.#write((db) => {
      const number = insert(db, revision, after);
      if (isOnTrial) {
        db.exec(TRIALS);
        db.prepare('INSERT INTO trials VALUES (?)').run(number);
      }
      return number;
    });
  }

  onTrial(): number | undefined {
    return this.#file.read((db) => {
      if (!hasTrials(db)) return undefined;
      const latest = onlyNumber(db, 'SELECT coalesce(max(number), 0) FROM revisions');
      return onlyNumber(db, 'SELECT coalesce(max(revision), -1) FROM trials') === latest ? latest : undefined;
    });
  }

  keep(number: number): void {
    this.#write((db) => {
      if (hasTrials(db)) db.prepare('DELETE FROM trials WHERE revision = ?').run(number);
    });
  }

  /** Runs a change in one transaction. */
  #write<T>(change: (db: DatabaseSync) => T): T {
    return this.#file.guarded(() => {
      using db = this.#file.openToWrite();
      db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
      try {
        const result = change(db);
        db.exec('COMMIT');
        return result;
      } catch (thrown) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw thrown;
      }
    });
  }
}

function hasTrials(db: DatabaseSync): boolean {
  return onlyNumber(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'trials'") === 1;
}

function insert(db: DatabaseSync, revision: NewRevision, after: number): number {
  const latest = onlyNumber(db, 'SELECT coalesce(max(number), 0) FROM revisions');
  if (latest !== after) {
    const message = `revision ${latest} was recorded in the meantime`;
    const hint =
      'Nothing was changed. Check the profile in force with portreeve reservations, and try again.';
    throw new PortreeveError('ARCHIVE_MOVED', message, hint, { latest, after });
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

/** node:crypto is loaded on first use, since it is slow to load and reading does not always need it. */
function hashOf(text: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(text).digest('hex');
}

function headsIn(db: DatabaseSync): RevisionHead[] {
  const paths = Map.groupBy(
    db.prepare("SELECT revision, path FROM files WHERE role = 'profile' ORDER BY revision, position").all(),
    (row) => numberOf(row, 'revision'),
  );
  const symbols = Map.groupBy(db.prepare('SELECT * FROM symbols').all(), (row) => numberOf(row, 'revision'));
  return db
    .prepare('SELECT * FROM revisions ORDER BY number')
    .all()
    .map((row) => {
      const key = numberOf(row, 'number');
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
    number: numberOf(row, 'number'),
    timeMs: numberOf(row, 'time_ms'),
    uid: numberOf(row, 'uid'),
    user: row['user'] === null ? undefined : textOf(row, 'user'),
    verb: verbOf(textOf(row, 'verb')),
    again: row['again'] === null ? undefined : numberOf(row, 'again'),
    options: {
      zosNames: numberOf(row, 'zos_names') === 1,
      keepGoing: numberOf(row, 'keep_going') === 1,
      tcpname: textOf(row, 'tcpname'),
      symbols: Object.fromEntries(symbols.map((symbol) => [textOf(symbol, 'name'), textOf(symbol, 'value')])),
    },
    paths: paths.map((file) => textOf(file, 'path')),
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
      const file = { path: textOf(row, 'path'), text: textOf(row, 'text') };
      if (hashOf(file.text) === row['hash']) return file;
      throw new Damage(`the text of ${file.path} in revision ${key} is not the one that was recorded`);
    });
}

function verbOf(word: string): Revision['verb'] {
  if (word === 'apply' || word === 'obey' || word === 'again') return word;
  throw new Damage(`there is no verb "${word}"`);
}
