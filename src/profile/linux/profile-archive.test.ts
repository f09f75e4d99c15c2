// Tests of the archive on disk: crashes, foreign files, and access of other users.
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

describe('the state directory', () => {
  test('is not created by reading', (t) => {
    const state = stateOf(t);
    const archive = new SqliteProfileArchive(state);
    assert.deepEqual(archive.heads(), []);
    assert.equal(archive.read(1), undefined);
    assert.equal(existsSync(state), false);
  });

  test('is created readable for all users, whatever the umask', (t) => {
    const state = stateOf(t);
    const before = process.umask(0o077);
    t.after(() => process.umask(before));
    new SqliteProfileArchive(state).append(revision(), 0);
    assert.equal(statSync(state).mode & 0o777, 0o755);
    assert.equal(statSync(join(state, PROFILE_DATABASE)).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(state), [PROFILE_DATABASE], 'no other file is left');
  });

  test('keeps its mode if it exists', (t) => {
    const state = stateOf(t);
    mkdirSync(state, { mode: 0o700 });
    new SqliteProfileArchive(state).append(revision(), 0);
    assert.equal(statSync(state).mode & 0o777, 0o700);
  });

  test('that cannot be created is an error', () => {
    assert.equal(
      codeOf(() => new SqliteProfileArchive('/proc/none').append(revision(), 0)),
      'ARCHIVE_FAILED',
    );
  });
});

test('another object reads the same archive', (t) => {
  const { state } = filled(t);
  assert.deepEqual(new SqliteProfileArchive(state).read(1), { number: 1, ...revision() });
});

test('process.emitWarning is restored', (t) => {
  const { emitWarning } = process;
  filled(t);
  assert.equal(process.emitWarning, emitWarning);
});

test('a text that is applied again takes no more space', (t) => {
  const { state, path } = filled(t);
  const big = revision({ texts: [{ path: '/big', text: 'x'.repeat(1_000_000) }] });
  const archive = new SqliteProfileArchive(state);
  archive.append(big, 1);
  const { size } = statSync(path);
  for (let after = 2; after < 10; after++) archive.append(big, after);
  assert.ok(statSync(path).size < size + 100_000);
});

describe('a foreign or damaged file is an error and is not changed', () => {
  const cases: Record<string, [code: string, write: (path: string) => void]> = {
    'a text': ['ARCHIVE_FOREIGN', (path) => writeFileSync(path, 'precious')],
    'a text longer than a page': ['ARCHIVE_FOREIGN', (path) => writeFileSync(path, 'precious'.repeat(1000))],
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
    'a truncated database': [
      'ARCHIVE_CORRUPT',
      (path) => {
        const archive = new SqliteProfileArchive(join(path, '..'));
        archive.append(revision({ texts: [{ path: '/a', text: 'x'.repeat(100_000) }] }), 0);
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.subarray(0, bytes.length / 2));
      },
    ],
    'a database with an overwritten page': [
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

  test('a text that differs from the recorded one', (t) => {
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

/** Appends a revision whose second text blocks, so that the transaction stays open. */
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
  const [output] = await Promise.race([once(child.stdout, 'data'), ended]);
  child.kill('SIGKILL');
  await ended;
  assert.equal(`${output}`, 'in the transaction');
}

test('a kill -9 during a change keeps the previous state', async (t) => {
  const { state, path } = filled(t);
  await killAppending(state);
  assert.ok(existsSync(`${path}-journal`), 'there is a journal to roll back');
  const archive = new SqliteProfileArchive(state);
  assert.deepEqual(archive.read(1), { number: 1, ...revision() });
  assert.equal(archive.heads().length, 1);
  assert.deepEqual(readdirSync(state), [PROFILE_DATABASE]);
  assert.equal(archive.append(revision(), 1), 2);
});

test('only one of several concurrent changes with the same base is made', async (t) => {
  const state = stateOf(t);
  const script = `
    const { SqliteProfileArchive } = await import(process.argv[1]);
    const options = { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' };
    const head = { timeMs: 0, uid: 0, user: 'x', verb: 'apply', again: undefined };
    try {
      const revision = { ...head, options, texts: [{ path: '/a', text: '' + process.pid }], racf: undefined };
      console.log(new SqliteProfileArchive(process.argv[2]).append(revision, 0));
    } catch (error) { console.log(error.code); }`;
  const outputs = await Promise.all(Array.from({ length: 4 }, () => outputOf(script, state)));
  assert.deepEqual(outputs.sort(), ['1', 'ARCHIVE_MOVED', 'ARCHIVE_MOVED', 'ARCHIVE_MOVED']);
  assert.equal(new SqliteProfileArchive(state).heads().length, 1);
});

/** The output of a script that gets the archive module and a state directory as arguments. */
async function outputOf(script: string, state: string): Promise<string> {
  const file = join(import.meta.dirname, 'profile-archive.ts');
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, file, state], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await once(child, 'close');
  return output.trim();
}

describe('another user', () => {
  /** Reads the archive as uid 65534. */
  const readAsNobody = (state: string) =>
    outputOf(
      `const { SqliteProfileArchive } = await import(process.argv[1]);
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      try { console.log(new SqliteProfileArchive(process.argv[2]).heads().length); }
      catch (error) { console.log(error.code, error.hint); }`,
      state,
    );

  test('reads the archive of root if the modes permit it, and gets a hint if not', async (t) => {
    if (!needs(t, probe.root())) return;
    const { state } = filled(t);
    chmodSync(join(state, '..'), 0o755);
    assert.equal(await readAsNobody(state), '1');
    chmodSync(state, 0o700);
    assert.match(await readAsNobody(state), /^ARCHIVE_FAILED .*--state DIR/);
  });

  test('cannot roll back an interrupted change of root, and gets a hint', async (t) => {
    if (!needs(t, probe.root())) return;
    const { state } = filled(t);
    chmodSync(join(state, '..'), 0o755);
    await killAppending(state);
    assert.match(await readAsNobody(state), /^ARCHIVE_FAILED As its owner, run: portreeve profile history/);
    assert.equal(new SqliteProfileArchive(state).heads().length, 1);
    assert.equal(await readAsNobody(state), '1');
  });
});
