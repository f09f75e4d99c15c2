// The user database is asked by a program that may do anything: end badly, print too much, or never end.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inTime } from '../../../test/support/sandbox.ts';
import { USER_ANSWER_MAX_BYTES, USER_QUESTION_NAMES_MAX } from '../../base/limits.ts';
import { LinuxUserDatabase } from './user-database.ts';

const TIMEOUT_MS = 10_000;

/** A database behind a shell script; `directory` is where it can write. */
function scripted(t: TestContext, script: string) {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-getent-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = join(directory, 'getent');
  writeFileSync(program, `#!/bin/sh\nHERE=${directory}\n${script}\n`);
  chmodSync(program, 0o755);
  return { database: new LinuxUserDatabase(['/nonexistent/getent', program]), directory };
}

const silent = (message: RegExp) => ({ code: 'USERS_SILENT', kind: 'environment', message });

test("this host's own database knows root, by name and by uid, and not who there is not", async () => {
  const database = new LinuxUserDatabase();
  const asked = await database.entries('passwd', ['root', 'no-such-user-here'], TIMEOUT_MS);
  assert.match(asked, /^root:[^:]*:0:0:[^\n]*\n$/);
  assert.match(await database.entries('passwd', ['0'], TIMEOUT_MS), /^root:/);
  assert.match(await database.entries('group', ['0'], TIMEOUT_MS), /^root:[^:]*:0:/);
});

test('nothing but the keys is asked for: no key would list all, and a word with "-" is an option', async (t) => {
  const { database } = scripted(t, 'echo "$#:$*"; exit 2');
  assert.equal(
    await database.entries('passwd', ['web', 'web', '', '-x', 'dev'], TIMEOUT_MS),
    '3:passwd web dev\n',
  );
  assert.equal(await database.entries('passwd', [], TIMEOUT_MS), '');
  assert.equal(await database.entries('passwd', ['-s', ''], TIMEOUT_MS), '');
});

test('many keys are several questions', async (t) => {
  const { database } = scripted(t, 'echo "$#"');
  const keys = Array.from({ length: USER_QUESTION_NAMES_MAX + 2 }, (_, i) => `u${i}`);
  assert.equal(await database.entries('passwd', keys, TIMEOUT_MS), `${USER_QUESTION_NAMES_MAX + 1}\n3\n`);
});

test('the program gets nothing of our environment', async (t) => {
  process.env['LD_PRELOAD_OF_TEST'] = 'x';
  t.after(() => delete process.env['LD_PRELOAD_OF_TEST']);
  const { database } = scripted(t, 'env; pwd');
  const text = await database.entries('passwd', ['web'], TIMEOUT_MS);
  assert.doesNotMatch(text, /OF_TEST|HOME=/);
  assert.match(text, /^PATH=\/usr\/sbin:\/usr\/bin:\/sbin:\/bin$/m);
  assert.match(text, /^\/$/m);
});

test('an end that is none of the usual ones is no answer', async (t) => {
  for (const [script, why] of [
    ['exit 1', /ended with 1/],
    ['exit 3', /ended with 3/],
    ['echo web:x:5:5:::; kill -SEGV $$', /ended with SIGSEGV/],
    [`head -c ${USER_ANSWER_MAX_BYTES + 1} /dev/zero`, /its answer is too long/],
  ] as const) {
    const { database } = scripted(t, script);
    await assert.rejects(database.entries('passwd', ['web'], TIMEOUT_MS), silent(why));
  }
  const { database } = scripted(t, 'echo web:x:5:5:::; exit 2');
  assert.equal(await database.entries('passwd', ['web'], TIMEOUT_MS), 'web:x:5:5:::\n');
});

test('where there is no such program that is told', async () => {
  const database = new LinuxUserDatabase(['/nonexistent/getent']);
  await assert.rejects(database.entries('passwd', ['web'], TIMEOUT_MS), silent(/has no getent/));
});

test('one that does not end is ended, and asked again once it is gone', async (t) => {
  const { database, directory } = scripted(
    t,
    '[ -e $HERE/up ] && exec echo ok; echo $$ >$HERE/pid; exec sleep 60',
  );
  const silence = inTime('the refusal', database.entries('passwd', ['web'], 300));
  await assert.rejects(silence, silent(/does not answer in time/));
  // Its end is told a little later; until then nothing else is asked.
  await assert.rejects(database.entries('passwd', ['web'], 300), silent(/earlier question/));
  writeFileSync(join(directory, 'up'), '');
  const deadline = performance.now() + TIMEOUT_MS;
  const answer = async (): Promise<string> => {
    try {
      return await database.entries('passwd', ['web'], TIMEOUT_MS);
    } catch (thrown) {
      if (performance.now() > deadline) throw thrown;
      return new Promise((resolve) => setImmediate(resolve)).then(answer);
    }
  };
  assert.equal(await answer(), 'ok\n');
  const pid = readFileSync(join(directory, 'pid'), 'utf8').trim();
  assert.throws(() => readFileSync(`/proc/${pid}/comm`), { code: 'ENOENT' });
});

test('no time left is no answer', async (t) => {
  const { database } = scripted(t, 'echo ok');
  await assert.rejects(database.entries('passwd', ['web'], 0), silent(/in time/));
});

test('whoever closes it does not wait for an answer', async (t) => {
  const { database } = scripted(t, 'exec sleep 60');
  const asked = database.entries('passwd', ['web'], TIMEOUT_MS * 6);
  database.close();
  await assert.rejects(asked, silent(/ended with SIGKILL/));
});
