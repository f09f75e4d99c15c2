// The archive of profiles on the disk: what outlives a kill, what is refused, and who may look.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
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
import { needs, probe } from '../../../test/support/probe.ts';
import { archiveCases, codeOf, revision } from '../../../test/support/profile-archive-cases.ts';
import { PROFILE_DATABASE } from '../../host/linux/state-files.ts';
import { SqliteProfileArchive } from './profile-archive.ts';

function stateOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'profile-archive-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state');
}

archiveCases((t) => new SqliteProfileArchive(stateOf(t)));

/** A state directory with one revision, and the path of its database. */
function filled(t: Pick<TestContext, 'after'>): { state: string; path: string } {
  const state = stateOf(t);
  new SqliteProfileArchive(state).append(revision(), 0);
  return { state, path: join(state, PROFILE_DATABASE) };
}

describe('the place', () => {
  test('is not made by looking', (t) => {
    const state = stateOf(t);
    const archive = new SqliteProfileArchive(state);
    assert.deepEqual(archive.heads(), []);
    assert.equal(archive.read(1), undefined);
    assert.equal(existsSync(state), false);
  });

  test('is made for everybody to look at, whatever the umask', (t) => {
    const state = stateOf(t);
    const before = process.umask(0o077);
    t.after(() => process.umask(before));
    new SqliteProfileArchive(state).append(revision(), 0);
    assert.equal(statSync(state).mode & 0o777, 0o755);
    assert.equal(statSync(join(state, PROFILE_DATABASE)).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(state), [PROFILE_DATABASE], 'nothing is left beside it');
  });

  test('keeps its mode if it was there before', (t) => {
    const state = stateOf(t);
    mkdirSync(state, { mode: 0o700 });
    new SqliteProfileArchive(state).append(revision(), 0);
    assert.equal(statSync(state).mode & 0o777, 0o700);
  });

  test('that cannot be made is told', () => {
    assert.equal(
      codeOf(() => new SqliteProfileArchive('/proc/none').append(revision(), 0)),
      'ARCHIVE_FAILED',
    );
  });
});

test('another object, another process: the same archive', (t) => {
  const { state } = filled(t);
  assert.deepEqual(new SqliteProfileArchive(state).read(1), { number: 1, ...revision() });
});

test('the warnings of Node are what they were', (t) => {
  const { emitWarning } = process;
  filled(t);
  assert.equal(process.emitWarning, emitWarning);
});

test('a text that is applied again takes no more room', (t) => {
  const { state, path } = filled(t);
  const big = revision({ texts: [{ path: '/big', text: 'x'.repeat(1_000_000) }] });
  const archive = new SqliteProfileArchive(state);
  archive.append(big, 1);
  const { size } = statSync(path);
  for (let after = 2; after < 10; after++) archive.append(big, after);
  assert.ok(statSync(path).size < size + 100_000);
});

describe('what is there and is none of ours is told, and stays as it is', () => {
  const cases: Record<string, [code: string, write: (path: string) => void]> = {
    'a text': ['ARCHIVE_FOREIGN', (path) => writeFileSync(path, 'precious')],
    'a text that is longer than a page': [
      'ARCHIVE_FOREIGN',
      (path) => writeFileSync(path, 'precious'.repeat(1000)),
    ],
    'a database of another program': [
      'ARCHIVE_FOREIGN',
      (path) => {
        using db = new DatabaseSync(path);
        db.exec('CREATE TABLE revisions (a)');
      },
    ],
    'a database of a newer portreeve': [
      'ARCHIVE_NEWER',
      (path) => {
        new SqliteProfileArchive(join(path, '..')).append(revision(), 0);
        using db = new DatabaseSync(path);
        db.exec('PRAGMA user_version = 2');
      },
    ],
    'a database of which the end is missing': [
      'ARCHIVE_CORRUPT',
      (path) => {
        const archive = new SqliteProfileArchive(join(path, '..'));
        archive.append(revision({ texts: [{ path: '/a', text: 'x'.repeat(100_000) }] }), 0);
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.subarray(0, bytes.length / 2));
      },
    ],
    'a database of which a page is overwritten': [
      'ARCHIVE_CORRUPT',
      (path) => {
        new SqliteProfileArchive(join(path, '..')).append(revision(), 0);
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0xff, 4096, 4096 * 4));
      },
    ],
  };
  for (const [name, [code, write]] of Object.entries(cases)) {
    test(name, (t) => {
      const state = stateOf(t);
      mkdirSync(state);
      const path = join(state, PROFILE_DATABASE);
      write(path);
      const before = readFileSync(path);
      const archive = new SqliteProfileArchive(state);
      assert.equal(
        codeOf(() => archive.append(revision(), 0)),
        code,
      );
      assert.equal(
        codeOf(() => [archive.heads(), archive.read(1)]),
        code,
      );
      assert.deepEqual(readFileSync(path), before);
    });
  }

  test('a text that is not the one that was recorded', (t) => {
    const { state, path } = filled(t);
    {
      using db = new DatabaseSync(path);
      db.exec("UPDATE texts SET text = 'PORT 80 TCP EVIL' WHERE text LIKE 'PORT%'");
    }
    assert.equal(
      codeOf(() => new SqliteProfileArchive(state).read(1)),
      'ARCHIVE_CORRUPT',
    );
    assert.equal(new SqliteProfileArchive(state).heads().length, 1);
  });

  test('an empty file is an archive without revisions', (t) => {
    const state = stateOf(t);
    mkdirSync(state);
    writeFileSync(join(state, PROFILE_DATABASE), '');
    assert.deepEqual(new SqliteProfileArchive(state).heads(), []);
    assert.equal(new SqliteProfileArchive(state).append(revision(), 0), 1);
  });
});

/** Appends a revision of which the second text is never there, so that the transaction stays open. */
const APPENDER = `
import { writeSync } from 'node:fs';
const [, file, state] = process.argv;
const { SqliteProfileArchive } = await import(file);
const big = { path: '/big', text: 'y'.repeat(16_000_000) };
const never = {
  path: '/never',
  get text() {
    writeSync(1, 'in the transaction');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
};
const options = { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' };
const head = { timeMs: 0, uid: 0, user: 'x', verb: 'apply', again: undefined };
new SqliteProfileArchive(state).append({ ...head, options, texts: [big, never], racf: undefined }, 1);
`;

/** Kills a process with SIGKILL while it appends a second revision. */
async function killAppending(state: string): Promise<void> {
  const file = join(import.meta.dirname, 'profile-archive.ts');
  const args = ['--input-type=module', '-e', APPENDER, file, state];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [said] = await Promise.race([once(child.stdout, 'data'), ended]);
  child.kill('SIGKILL');
  await ended;
  assert.equal(`${said}`, 'in the transaction');
}

test('kill -9 in the middle of a change leaves what was there before', async (t) => {
  const { state, path } = filled(t);
  await killAppending(state);
  assert.ok(existsSync(`${path}-journal`), 'something was written that has to be undone');
  const archive = new SqliteProfileArchive(state);
  assert.deepEqual(archive.read(1), { number: 1, ...revision() });
  assert.equal(archive.heads().length, 1);
  assert.deepEqual(readdirSync(state), [PROFILE_DATABASE]);
  assert.equal(archive.append(revision(), 1), 2);
});

test('of several changes at once that were planned alike one is made', async (t) => {
  const state = stateOf(t);
  const script = `
    const { SqliteProfileArchive } = await import(process.argv[1]);
    const options = { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' };
    const head = { timeMs: 0, uid: 0, user: 'x', verb: 'apply', again: undefined };
    try {
      const revision = { ...head, options, texts: [{ path: '/a', text: '' + process.pid }], racf: undefined };
      console.log(new SqliteProfileArchive(process.argv[2]).append(revision, 0));
    } catch (error) { console.log(error.code); }`;
  const said = await Promise.all(Array.from({ length: 4 }, () => sayingOf(script, state)));
  assert.deepEqual(said.sort(), ['1', 'ARCHIVE_MOVED', 'ARCHIVE_MOVED', 'ARCHIVE_MOVED']);
  assert.equal(new SqliteProfileArchive(state).heads().length, 1);
});

/** What a script prints that is given the module of the archive and a state directory. */
async function sayingOf(script: string, state: string): Promise<string> {
  const file = join(import.meta.dirname, 'profile-archive.ts');
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, file, state], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  await once(child, 'close');
  return said.trim();
}

describe('another user', () => {
  /** What uid 65534 finds. */
  const lookAsNobody = (state: string) =>
    sayingOf(
      `const { SqliteProfileArchive } = await import(process.argv[1]);
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      try { console.log(new SqliteProfileArchive(process.argv[2]).heads().length); }
      catch (error) { console.log(error.code, error.hint); }`,
      state,
    );

  test('looks at the archive of root where the modes let him, and is told where not', async (t) => {
    if (!needs(t, probe.root())) return;
    const { state } = filled(t);
    chmodSync(join(state, '..'), 0o755);
    assert.equal(await lookAsNobody(state), '1');
    chmodSync(state, 0o700);
    assert.match(await lookAsNobody(state), /^ARCHIVE_FAILED .*--state DIR/);
  });

  test('cannot undo what root left in the middle of a change, and is told who can', async (t) => {
    if (!needs(t, probe.root())) return;
    const { state } = filled(t);
    chmodSync(join(state, '..'), 0o755);
    await killAppending(state);
    assert.match(await lookAsNobody(state), /^ARCHIVE_FAILED As its owner, run: portreeve profile history/);
    assert.equal(new SqliteProfileArchive(state).heads().length, 1);
    assert.equal(await lookAsNobody(state), '1');
  });
});
