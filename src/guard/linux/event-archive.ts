// The archive of the guard's events: an SQLite database in the state directory, which one daemon writes.
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import {
  EVENT_FIELD_NAMES,
  EVENT_FIELDS,
  type EventField,
  type EventFieldName,
  type EventScalar,
  type EventValue,
  type GuardEvent,
  type NewGuardEvent,
} from '../../base/guard-event.ts';
import { GUARD_EVENT_AGE_MAX_MS, GUARD_EVENTS_MAX } from '../../base/limits.ts';
import type { RequestedPorts } from '../../base/port.ts';
import { Damage, DatabaseFile, numberOf, onlyNumber, type Row, textOf } from '../../host/linux/database.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import type { EventArchive, EventQuery, LostCount } from '../core/event-archive.ts';

/** "prve" */
const APPLICATION_ID = 0x70727665;
const SCHEMA_VERSION = 1;
/** The group, if there is one, may read it. */
const GROUP_MODE = 0o640;
const OWN_MODE = 0o600;
/** Deletes this many more than necessary at once. */
const SLACK = 1000;
/** How often old events are deleted. */
const AGE_CHECK_INTERVAL_MS = 3_600_000;

/** A column, and the event field whose value or part it contains. */
interface Column {
  readonly field: EventFieldName;
  readonly name: string;
  readonly scalar: EventScalar;
  readonly isAlways: boolean;
}

/** A field of several parts has a column for each. */
const COLUMNS: readonly Column[] = EVENT_FIELD_NAMES.flatMap((field) => {
  const declared: EventField = EVENT_FIELDS[field];
  const isAlways = declared.isAlways ?? false;
  if (!('parts' in declared)) return [{ field, name: inSnakeCase(field), scalar: declared, isAlways }];
  return Object.entries(declared.parts).map(([name, scalar]) => ({ field, name, scalar, isAlways }));
});

const COLUMNS_OF: ReadonlyMap<EventFieldName, readonly Column[]> = Map.groupBy(COLUMNS, ({ field }) => field);

/** "timeMs" becomes "time_ms". */
function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const definitionOf = ({ name, scalar, isAlways }: Column): string =>
  `${name} ${scalar.type.toUpperCase()}${isAlways ? ' NOT NULL' : ''}`;

const SCHEMA = `
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  ${COLUMNS.map(definitionOf).join(',\n  ')}
) STRICT;
CREATE INDEX events_of ON events (uid, number);
CREATE TABLE lost (guard TEXT NOT NULL, count INTEGER NOT NULL) STRICT;
`;

const INSERT = `INSERT INTO events (${COLUMNS.map(({ name }) => name).join(', ')})
  VALUES (${COLUMNS.map(() => '?').join(', ')})`;

export interface EventArchiveOptions {
  /** The group whose members may read it; undefined: only its owner. */
  readonly gid?: number | undefined;
  /** The maximum number of events. */
  readonly max?: number;
}

/** The archive in a state directory. It is created by the first write, and remains open from then on. */
export class SqliteEventArchive implements EventArchive, Disposable {
  readonly #file: DatabaseFile;
  readonly #max: number;
  #db: DatabaseSync | undefined;
  #count = 0;
  /** When old events were last deleted. */
  #agedAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string, { gid, max = GUARD_EVENTS_MAX }: EventArchiveOptions = {}) {
    this.#file = new DatabaseFile(join(directory, EVENT_DATABASE), {
      application: APPLICATION_ID,
      version: SCHEMA_VERSION,
      schema: SCHEMA,
      mode: gid === undefined ? OWN_MODE : GROUP_MODE,
      gid,
      remedy: 'portreeve events',
    });
    this.#max = max;
  }

  append(events: readonly NewGuardEvent[], nowMs: number, lost?: LostCount): void {
    this.#file.guarded(() => {
      const db = this.#writer();
      db.exec('BEGIN IMMEDIATE');
      try {
        const insert = db.prepare(INSERT);
        for (const event of events) insert.run(...COLUMNS.map((column) => valueIn(event, column)));
        if (lost) storeLost(db, lost);
        const gone = this.#makeRoom(db, events.length, nowMs);
        db.exec('COMMIT');
        this.#count += events.length - gone;
      } catch (thrown) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw thrown;
      }
    });
  }

  read(query: EventQuery): GuardEvent[] {
    const { where, values } = conditionsOf(query);
    const statement = `SELECT * FROM events WHERE ${where} ORDER BY number LIMIT ?`;
    return (
      this.#read((db) =>
        db
          .prepare(statement)
          .all(...values, query.limit)
          .map(eventOf),
      ) ?? []
    );
  }

  latest(): number {
    return (
      this.#read((db) =>
        onlyNumber(db, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"),
      ) ?? 0
    );
  }

  lost(guard: string): number {
    const statement = 'SELECT count FROM lost WHERE guard = ?';
    return (
      this.#read((db) => {
        const row = db.prepare(statement).get(guard);
        return row ? numberOf(row, 'count') : 0;
      }) ?? 0
    );
  }

  /** Leaves WAL mode, so that users without write permission can read the file afterwards. */
  close(): void {
    const db = this.#db;
    if (!db) return;
    this.#db = undefined;
    try {
      db.exec('PRAGMA journal_mode = DELETE');
    } catch {
      // Another process is reading it. The next writer tries again.
    }
    db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read<T>(read: (db: DatabaseSync) => T): T | undefined {
    const db = this.#db;
    return db ? this.#file.guarded(() => read(db)) : this.#file.read(read);
  }

  /** With a write-ahead log, a transaction does not wait for the disk, and survives the end of the process. */
  #writer(): DatabaseSync {
    if (this.#db) return this.#db;
    const db = this.#file.openToWrite();
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    this.#count = onlyNumber(db, 'SELECT count(*) FROM events');
    this.#db = db;
    return db;
  }

  /** Returns how many events were deleted. A user who floods the archive displaces their own events. */
  #makeRoom(db: DatabaseSync, added: number, nowMs: number): number {
    let gone = 0;
    // abs(): the clock may have been set back.
    if (Math.abs(nowMs - this.#agedAt) >= AGE_CHECK_INTERVAL_MS) {
      this.#agedAt = nowMs;
      gone += changes(db, 'DELETE FROM events WHERE time_ms < ?', nowMs - GUARD_EVENT_AGE_MAX_MS);
    }
    const excess = this.#count + added - gone - this.#max;
    return excess <= 0 ? gone : gone + deleteOldest(db, excess + Math.min(SLACK, this.#max / 10));
  }
}

/** Deletes at least `wanted` events, the oldest of the users who have most. Returns their number. */
function deleteOldest(db: DatabaseSync, wanted: number): number {
  const users = db.prepare('SELECT uid, count(*) AS count FROM events GROUP BY uid').all();
  const level = levelOf(
    users.map((row) => numberOf(row, 'count')),
    wanted,
  );
  const oldest = `DELETE FROM events WHERE number IN
    (SELECT number FROM events WHERE uid IS ? ORDER BY number LIMIT ?)`;
  return users.reduce((gone, row) => {
    const excess = numberOf(row, 'count') - level;
    return excess <= 0 ? gone : gone + changes(db, oldest, row['uid'] ?? null, excess);
  }, 0);
}

/** The largest maximum per user with which at least `wanted` events are deleted. */
function levelOf(counts: readonly number[], wanted: number): number {
  let [level, above] = [0, Math.max(0, ...counts)];
  while (level < above) {
    const middle = Math.ceil((level + above) / 2);
    const gone = counts.reduce((sum, count) => sum + Math.max(0, count - middle), 0);
    if (gone >= wanted) level = middle;
    else above = middle - 1;
  }
  return level;
}

function changes(db: DatabaseSync, statement: string, ...values: readonly SQLInputValue[]): number {
  const { changes: count } = db.prepare(statement).run(...values);
  return typeof count === 'number' ? count : 0;
}

/** Only the count of the present guard is needed. */
function storeLost(db: DatabaseSync, { guard, count }: LostCount): void {
  db.exec('DELETE FROM lost');
  db.prepare('INSERT INTO lost VALUES (?, ?)').run(guard, count);
}

/** A part of WHERE, with the values of its parameters. */
interface Condition {
  readonly text: string;
  readonly values: readonly SQLInputValue[];
}

function conditionsOf({ after, sinceMs, uid, job, protocol, ports }: EventQuery) {
  const conditions = [
    ['number > ?', after],
    ['time_ms >= ?', sinceMs],
    ['uid = ?', uid],
    ['job = ?', job],
    ['protocol = ?', protocol],
  ] as const;
  const ofPorts: Condition[] = ports ? [portCondition(ports)] : [];
  const all = ofPorts.concat(
    conditions.flatMap(([text, value]) => (value === undefined ? [] : { text, values: [value] })),
  );
  return { where: all.map(({ text }) => text).join(' AND '), values: all.flatMap(({ values }) => values) };
}

function portCondition(ports: readonly RequestedPorts[]): Condition {
  const ofOne = '(port BETWEEN ? AND ? AND protocol IN (?, ?))';
  return {
    text: `(${ports.map(() => ofOne).join(' OR ')})`,
    values: ports.flatMap(({ first, last, protocol }) => [first, last, protocol ?? 'tcp', protocol ?? 'udp']),
  };
}

function valueIn(event: NewGuardEvent, { field, name }: Column): SQLInputValue {
  // A clock may return fractions of a millisecond.
  const value: EventValue = field === 'timeMs' ? Math.round(event.timeMs) : event[field];
  return (typeof value === 'object' ? value[name] : value) ?? null;
}

function eventOf(row: Row): GuardEvent {
  const fields = [...COLUMNS_OF].map(([field, columns]) => [field, fieldIn(row, field, columns)] as const);
  return { number: numberOf(row, 'number'), ...Object.fromEntries(fields) } as GuardEvent;
}

/** The value of a field; undefined where a part of it was not stored. */
function fieldIn(row: Row, field: EventFieldName, columns: readonly Column[]): EventValue {
  const values = columns.flatMap((column) => {
    const value = scalarIn(row, column);
    return value === undefined ? [] : [[column.name, value] as const];
  });
  if (values.length < columns.length) return undefined;
  return 'parts' in EVENT_FIELDS[field] ? Object.fromEntries(values) : values[0]?.[1];
}

function scalarIn(row: Row, { name, scalar, isAlways }: Column): string | number | undefined {
  if (row[name] === null && !isAlways) return undefined;
  if (scalar.type === 'integer') return numberOf(row, name);
  return scalar.words ? oneOf(row, name, scalar.words) : textOf(row, name);
}

function oneOf(row: Row, column: string, words: readonly string[]): string {
  const word = words.find((one) => one === row[column]);
  if (word !== undefined) return word;
  throw new Damage(`there is no ${column} "${row[column]}"`);
}
