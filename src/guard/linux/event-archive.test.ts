// The archive of events on disk: permissions, crashes, and foreign files.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import { EVENT_TIME, eventArchiveCases, guardEvent } from '../../../test/support/event-archive-cases.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { codeOf } from '../../../test/support/profile-archive-cases.ts';
import { eventWith } from '../../base/guard-event.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { type EventArchiveOptions, SqliteEventArchive } from './event-archive.ts';

function stateOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'event-archive-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state');
}

function archiveIn(
  t: Pick<TestContext, 'after'>,
  state: string,
  options?: EventArchiveOptions,
): SqliteEventArchive {
  const archive = new SqliteEventArchive(state, options);
  t.after(() => archive.close());
  return archive;
}

eventArchiveCases((t, max) => archiveIn(t, stateOf(t), { max }));

/** A state directory with one event, closed properly. */
function filled(t: Pick<TestContext, 'after'>, options?: EventArchiveOptions): string {
  const state = stateOf(t);
  using archive = new SqliteEventArchive(state, options);
  archive.append([guardEvent()], EVENT_TIME);
  return state;
}

const countIn = (state: string) => new SqliteEventArchive(state).read({ after: 0, limit: 100 }).length;

describe('the file', () => {
  test('is not created by reading', (t) => {
    const state = stateOf(t);
    assert.equal(countIn(state), 0);
    assert.equal(new SqliteEventArchive(state).latest(), 0);
    assert.equal(existsSync(state), false);
  });

  test('is only for its owner, whatever the umask, and a single file when it is closed', (t) => {
    const before = process.umask(0);
    t.after(() => process.umask(before));
    const state = filled(t);
    assert.equal(statSync(join(state, EVENT_DATABASE)).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(state), [EVENT_DATABASE]);
  });

  test('is also for a group if there is one, even if it is created later', (t) => {
    if (!needs(t, probe.root())) return;
    const state = filled(t);
    const archive = archiveIn(t, state, { gid: 4711 });
    archive.append([guardEvent()], EVENT_TIME);
    for (const file of readdirSync(state)) {
      const { mode, uid, gid } = statSync(join(state, file));
      assert.deepEqual([mode & 0o777, uid, gid], [0o640, 0, 4711], file);
    }
    assert.equal(readdirSync(state).length, 3);
  });

  test('that belongs to another user keeps its mode and group', (t) => {
    if (!needs(t, probe.root())) return;
    const state = filled(t);
    const path = join(state, EVENT_DATABASE);
    chownSync(path, 1000, 1001);
    chmodSync(path, 0o604);
    archiveIn(t, state, { gid: 4711 }).append([guardEvent()], EVENT_TIME);
    const { uid, gid, mode } = statSync(path);
    assert.deepEqual([uid, gid, mode & 0o777], [1000, 1001, 0o604]);
  });

  test('that cannot be created is reported', () => {
    assert.equal(
      codeOf(() => new SqliteEventArchive('/proc/none').append([guardEvent()], EVENT_TIME)),
      'ARCHIVE_FAILED',
    );
  });
});

test('what is added is visible to readers at once, and is there when it is opened again', (t) => {
  const state = filled(t);
  const archive = archiveIn(t, state);
  archive.append([guardEvent()], EVENT_TIME);
  assert.equal(countIn(state), 2);
  archive.close();
  assert.equal(countIn(state), 2);
  archive.append([guardEvent()], EVENT_TIME);
  assert.equal(archive.latest(), 3);
});

test('an append that fails adds nothing', (t) => {
  const archive = archiveIn(t, stateOf(t));
  const bad = { ...guardEvent(), count: Number.NaN };
  assert.equal(
    codeOf(() => archive.append([guardEvent(), bad], EVENT_TIME, { guard: 'g', count: 1 })),
    'ARCHIVE_FAILED',
  );
  assert.deepEqual([archive.latest(), archive.lost('g')], [0, 0]);
  archive.append([guardEvent()], EVENT_TIME);
  assert.equal(archive.latest(), 1);
});

/** Layout 1 as the first portreeve created it. */
const LAYOUT_1 = `
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  verdict TEXT, reason TEXT, job TEXT, uid INTEGER, user TEXT, pid INTEGER, command TEXT, protocol TEXT, address TEXT,
  port INTEGER, errno TEXT, revision INTEGER, file TEXT, line INTEGER, text TEXT
) STRICT;
CREATE INDEX events_of ON events (uid, number);
CREATE TABLE lost (guard TEXT NOT NULL, count INTEGER NOT NULL) STRICT;
PRAGMA application_id = 0x70727665; PRAGMA user_version = 1;
`;

test('an archive of the first portreeve can be read and extended, and a new one has its columns', (t) => {
  const state = stateOf(t);
  mkdirSync(state);
  const path = join(state, EVENT_DATABASE);
  {
    using db = new DatabaseSync(path);
    db.exec(LAYOUT_1);
    const insert = 'INSERT INTO events (time_ms, kind, count, uid, revision) VALUES (?, ?, ?, ?, ?)';
    db.prepare(insert).run(EVENT_TIME, 'more', 3, 1000, 7);
  }
  const archive = archiveIn(t, state);
  archive.append([guardEvent()], EVENT_TIME);
  const [first, second] = archive.read({ after: 0, limit: 2 });
  const known = { kind: 'more', count: 3, timeMs: EVENT_TIME, uid: 1000, revision: 7 } as const;
  assert.deepEqual(first, { number: 1, ...eventWith(known) });
  assert.deepEqual(second, { number: 2, ...guardEvent() });
  assert.deepEqual(columnsIn(path), columnsIn(join(filled(t), EVENT_DATABASE)));
});

/** The columns of the events, each with its type and whether it may be null. */
function columnsIn(path: string): string[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare('PRAGMA table_info(events)').all();
  return rows.map(({ name, type, notnull }) => `${name} ${type} ${notnull}`).sort();
}

describe('a foreign file is reported, and not changed', () => {
  const cases: Record<string, [code: string, write: (path: string) => void]> = {
    'a text': ['ARCHIVE_FOREIGN', (path) => writeFileSync(path, 'precious')],
    'a database of another program': [
      'ARCHIVE_FOREIGN',
      (path) => {
        using db = new DatabaseSync(path);
        db.exec('CREATE TABLE events (a)');
      },
    ],
    'a database of a newer portreeve': [
      'ARCHIVE_NEWER',
      (path) => {
        using archive = new SqliteEventArchive(join(path, '..'));
        archive.append([guardEvent()], EVENT_TIME);
        archive.close();
        using db = new DatabaseSync(path);
        db.exec('PRAGMA user_version = 2');
      },
    ],
    'a database with an overwritten page': [
      'ARCHIVE_CORRUPT',
      (path) => {
        using archive = new SqliteEventArchive(join(path, '..'));
        archive.append([guardEvent()], EVENT_TIME);
        archive.close();
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0xff, 4096, 4096 * 3));
      },
    ],
  };
  for (const [name, [code, write]] of Object.entries(cases)) {
    test(name, (t) => {
      const state = stateOf(t);
      mkdirSync(state);
      const path = join(state, EVENT_DATABASE);
      write(path);
      const before = readFileSync(path);
      const archive = archiveIn(t, state);
      assert.equal(
        codeOf(() => archive.append([guardEvent()], EVENT_TIME)),
        code,
      );
      assert.equal(
        codeOf(() => archive.read({ after: 0, limit: 1 })),
        code,
      );
      assert.deepEqual(readFileSync(path), before);
    });
  }

  test('a row that portreeve did not write', (t) => {
    const state = filled(t);
    {
      using db = new DatabaseSync(join(state, EVENT_DATABASE));
      db.exec("UPDATE events SET kind = 'gone'");
    }
    assert.equal(
      codeOf(() => countIn(state)),
      'ARCHIVE_CORRUPT',
    );
  });
});

/** Adds an event and is killed, with the archive open. */
async function killed(state: string, options = '{}'): Promise<void> {
  const script = `
    const { SqliteEventArchive } = await import(process.argv[1]);
    const [state, event, options] = process.argv.slice(2);
    new SqliteEventArchive(state, JSON.parse(options)).append([JSON.parse(event)], 0);
    process.kill(process.pid, 'SIGKILL');`;
  const file = join(import.meta.dirname, 'event-archive.ts');
  const args = ['--input-type=module', '-e', script, file, state, JSON.stringify(guardEvent()), options];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGKILL');
}

test('after kill -9 the event is there, and the next process continues', async (t) => {
  const state = filled(t);
  await killed(state);
  assert.ok(readdirSync(state).length > 1, 'the write-ahead log is not in the database yet');
  assert.equal(countIn(state), 2);
  const archive = archiveIn(t, state);
  archive.append([guardEvent()], EVENT_TIME);
  assert.equal(archive.latest(), 3);
  archive.close();
  assert.deepEqual(readdirSync(state), [EVENT_DATABASE]);
});

describe('another user', () => {
  /** How many events uid 65534 finds as a member of group 4711, or the error. */
  async function queryAsMember(state: string): Promise<string> {
    const script = `
      const { SqliteEventArchive } = await import(process.argv[1]);
      process.setgroups([4711]); process.setgid(65534); process.setuid(65534);
      try { console.log(new SqliteEventArchive(process.argv[2]).read({ after: 0, limit: 100 }).length); }
      catch (error) { console.log(error.code); }`;
    const file = join(import.meta.dirname, 'event-archive.ts');
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, file, state], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const text of child.stdout.setEncoding('utf8')) output += text;
    return output.trim();
  }

  test('can read it as a member of its group: while it is open, when it is closed, and after a kill', async (t) => {
    if (!needs(t, probe.root())) return;
    const state = filled(t, { gid: 4711 });
    chmodSync(join(state, '..'), 0o755);
    assert.equal(await queryAsMember(state), '1');
    const archive = archiveIn(t, state, { gid: 4711 });
    archive.append([guardEvent()], EVENT_TIME);
    assert.equal(await queryAsMember(state), '2');
    archive.close();
    await killed(state, '{"gid":4711}');
    assert.equal(await queryAsMember(state), '3');
  });

  test('gets an error where there is no group, or another one', async (t) => {
    if (!needs(t, probe.root())) return;
    const state = filled(t, { gid: 4711 });
    chmodSync(join(state, '..'), 0o755);
    chownSync(join(state, EVENT_DATABASE), 0, 0);
    assert.equal(await queryAsMember(state), 'ARCHIVE_FAILED');
    chownSync(join(state, EVENT_DATABASE), 0, 4711);
    assert.equal(await queryAsMember(state), '1');
  });
});
