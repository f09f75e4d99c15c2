// Querying the user database with a getent that fails, prints too much, or never ends.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inTime } from '../../../test/support/sandbox.ts';
import { USER_ANSWER_MAX_BYTES, USER_QUESTION_NAMES_MAX } from '../../base/limits.ts';
import { LinuxUserDatabase } from './user-database.ts';

const TIMEOUT_MS = 10_000;

/** A database that runs a shell script instead of getent; the script can write to `directory`. */
function scripted(t: TestContext, script: string) {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-getent-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const program = join(directory, 'getent');
  writeFileSync(program, `#!/bin/sh\nHERE=${directory}\n${script}\n`);
  chmodSync(program, 0o755);
  return { database: new LinuxUserDatabase(['/nonexistent/getent', program]), directory };
}

const silent = (message: RegExp) => ({ code: 'USERS_SILENT', kind: 'environment', message });

test("finds root by name and uid in this host's database, and no unknown user", async () => {
  const database = new LinuxUserDatabase();
  const lines = await database.entries('passwd', ['root', 'no-such-user-here'], TIMEOUT_MS);
  assert.match(lines, /^root:[^:]*:0:0:[^\n]*\n$/);
  assert.match(await database.entries('passwd', ['0'], TIMEOUT_MS), /^root:/);
  assert.match(await database.entries('group', ['0'], TIMEOUT_MS), /^root:[^:]*:0:/);
});

test('passes only keys that are not empty and do not begin with "-"', async (t) => {
  const { database } = scripted(t, 'echo "$#:$*"; exit 2');
  assert.equal(
    await database.entries('passwd', ['web', 'web', '', '-x', 'dev'], TIMEOUT_MS),
    '3:passwd web dev\n',
  );
  assert.equal(await database.entries('passwd', [], TIMEOUT_MS), '');
  assert.equal(await database.entries('passwd', ['-s', ''], TIMEOUT_MS), '');
});

test('splits many keys into several queries', async (t) => {
  const { database } = scripted(t, 'echo "$#"');
  const keys = Array.from({ length: USER_QUESTION_NAMES_MAX + 2 }, (_, i) => `u${i}`);
  assert.equal(await database.entries('passwd', keys, TIMEOUT_MS), `${USER_QUESTION_NAMES_MAX + 1}\n3\n`);
});

test('does not pass on the environment', async (t) => {
  process.env['LD_PRELOAD_OF_TEST'] = 'x';
  t.after(() => delete process.env['LD_PRELOAD_OF_TEST']);
  const { database } = scripted(t, 'env; pwd');
  const text = await database.entries('passwd', ['web'], TIMEOUT_MS);
  assert.doesNotMatch(text, /OF_TEST|HOME=/);
  assert.match(text, /^PATH=\/usr\/sbin:\/usr\/bin:\/sbin:\/bin$/m);
  assert.match(text, /^\/$/m);
});

test('reports another exit status, a signal, or too much output as USERS_SILENT', async (t) => {
  for (const [script, why] of [
    ['exit 1', /ended with 1/],
    ['exit 3', /ended with 3/],
    ['echo web:x:5:5:::; kill -SEGV $$', /ended with SIGSEGV/],
    [`head -c ${USER_ANSWER_MAX_BYTES + 1} /dev/zero`, /the answer is too long/],
  ] as const) {
    const { database } = scripted(t, script);
    await assert.rejects(database.entries('passwd', ['web'], TIMEOUT_MS), silent(why));
  }
  const { database } = scripted(t, 'echo web:x:5:5:::; exit 2');
  assert.equal(await database.entries('passwd', ['web'], TIMEOUT_MS), 'web:x:5:5:::\n');
});

test('reports that getent is not installed', async () => {
  const database = new LinuxUserDatabase(['/nonexistent/getent']);
  await assert.rejects(database.entries('passwd', ['web'], TIMEOUT_MS), silent(/is not installed/));
});

test('kills a query at the timeout, and accepts the next one after it has ended', async (t) => {
  const { database, directory } = scripted(
    t,
    '[ -e $HERE/up ] && exec echo ok; echo $$ >$HERE/pid; exec sleep 60',
  );
  const silence = inTime('the refusal', database.entries('passwd', ['web'], 300));
  await assert.rejects(silence, silent(/timeout/));
  // Until the end of the process is reported, further queries fail.
  await assert.rejects(database.entries('passwd', ['web'], 300), silent(/earlier query/));
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

test('fails if no time is left', async (t) => {
  const { database } = scripted(t, 'echo ok');
  await assert.rejects(database.entries('passwd', ['web'], 0), silent(/timeout/));
});

test('close() ends a running query', async (t) => {
  const { database } = scripted(t, 'exec sleep 60');
  const answer = database.entries('passwd', ['web'], TIMEOUT_MS * 6);
  database.close();
  await assert.rejects(answer, silent(/ended with SIGKILL/));
});
