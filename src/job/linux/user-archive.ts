// Stores the answers of the user database (NSS) in an SQLite database in the state directory.
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { DatabaseFile, numberOf, textOf } from '../../host/linux/database.ts';
import { stampOf } from '../../host/linux/files.ts';
import { USER_DATABASE } from '../../host/linux/state-files.ts';
import type { KnownGroup, KnownUser, KnownUsers, UserArchive } from '../core/user-archive.ts';

/** "prvu" */
const APPLICATION_ID = 0x70727675;
const SCHEMA_VERSION = 1;
/** Readable by every user, as the user database itself is. */
const FILE_MODE = 0o644;

const SCHEMA = `
CREATE TABLE users (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  uid INTEGER NOT NULL,
  gid INTEGER NOT NULL,
  is_seen INTEGER NOT NULL
) STRICT;
CREATE TABLE groups (name TEXT NOT NULL UNIQUE, gid INTEGER NOT NULL) STRICT;
CREATE TABLE members (group_name TEXT NOT NULL REFERENCES groups (name), name TEXT NOT NULL) STRICT;
`;

/** The file is created with the first user, and is open only while it is used. */
export class SqliteUserArchive implements UserArchive {
  readonly #file: DatabaseFile;

  constructor(directory: string) {
    this.#file = new DatabaseFile(join(directory, USER_DATABASE), {
      application: APPLICATION_ID,
      version: SCHEMA_VERSION,
      schema: SCHEMA,
      mode: FILE_MODE,
      gid: undefined,
      remedy: 'portreeve apply --dry-run',
    });
  }

  read(): KnownUsers {
    return this.#file.read(knownIn) ?? { users: [], groups: [] };
  }

  change(change: (known: KnownUsers) => KnownUsers): KnownUsers {
    const before = this.read();
    // Most hosts have no such users and need no archive.
    if (isSame(change(before), before)) return before;
    return this.#file.guarded(() => {
      using db = this.#file.openToWrite();
      db.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
      try {
        const after = change(knownIn(db));
        put(db, after);
        db.exec('COMMIT');
        return after;
      } catch (thrown) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw thrown;
      }
    });
  }

  stamp(): string | undefined {
    return stampOf(this.#file.path);
  }
}

function isSame(one: KnownUsers, other: KnownUsers): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function knownIn(db: DatabaseSync): KnownUsers {
  const members = Map.groupBy(
    db.prepare('SELECT group_name, name FROM members ORDER BY rowid').all(),
    (row) => textOf(row, 'group_name'),
  );
  const users = db.prepare('SELECT * FROM users ORDER BY position').all();
  const groups = db.prepare('SELECT * FROM groups ORDER BY rowid').all();
  return {
    users: users.map(
      (row): KnownUser => ({
        name: textOf(row, 'name'),
        uid: numberOf(row, 'uid'),
        gid: numberOf(row, 'gid'),
        isSeen: numberOf(row, 'is_seen') === 1,
      }),
    ),
    groups: groups.map((row): KnownGroup => {
      const name = textOf(row, 'name');
      return {
        name,
        gid: numberOf(row, 'gid'),
        members: (members.get(name) ?? []).map((member) => textOf(member, 'name')),
      };
    }),
  };
}

function put(db: DatabaseSync, { users, groups }: KnownUsers): void {
  db.exec('DELETE FROM members; DELETE FROM groups; DELETE FROM users;');
  const addUser = db.prepare('INSERT INTO users VALUES (NULL, ?, ?, ?, ?)');
  const addGroup = db.prepare('INSERT INTO groups VALUES (?, ?)');
  const addMember = db.prepare('INSERT INTO members VALUES (?, ?)');
  for (const { name, uid, gid, isSeen } of users) {
    addUser.run(name, uid, gid, isSeen ? 1 : 0);
  }
  for (const { name, gid, members } of groups) {
    addGroup.run(name, gid);
    for (const member of members) addMember.run(name, member);
  }
}
