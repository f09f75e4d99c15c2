// Tests of `portreeve profile diff`: differences of meaning, and profiles with errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listening } from '../../../test/support/listening.ts';
import { workspace } from '../../../test/support/profile-workspace.ts';

const FILES = {
  a: 'PORT 80 TCP WEB\n     81 TCP OLD\nPORTRANGE 4000 200 TCP TESTSYS\n',
  same: '; in other words\nportr 4000 200 tcp testsys\nport 81 tcp old 80 tcp web\n',
  b: 'PORT 80 TCP WEB SHAREPORT\n     82 TCP NEW\nPORTRANGE 4000 200 TCP TESTSYS\n',
  bad: 'PORT 80 TCP WEB 80 TCP WEB\n',
};

test('profiles with the same meaning have no differences', async (t) => {
  const { run } = workspace(t, FILES);
  assert.deepEqual(await run('profile diff @a @same'), { code: 0, stdout: '', stderr: '' });
  assert.deepEqual(await run('profile diff @a @a --json'), { code: 0, stdout: '[]\n', stderr: '' });
});

test('lists added, removed and changed items with their statements', async (t) => {
  const { run } = workspace(t, FILES);
  const { code, stdout } = await run('profile diff @a @b');
  assert.equal(code, 1);
  const [, ...lines] = stdout.split('\n').map((line) => line.split(/ {2,}/).filter((part) => part !== ''));
  assert.deepEqual(lines.slice(0, 3), [
    ['~', 'TCP 80 WEB', '(none) -> SHAREPORT', '@b:1'],
    ['-', 'TCP 81 OLD', '@a:2'],
    ['+', 'TCP 82 NEW', '@b:2'],
  ]);
  assert.match(stdout, /\n1 added, 1 removed, 1 changed\n$/);
});

test('--json has an object for each difference', async (t) => {
  const { run } = workspace(t, FILES);
  const { code, stdout } = await run('profile diff @a @b --json');
  assert.equal(code, 1);
  assert.deepEqual(
    JSON.parse(stdout).map(({ kind, item }: { kind: string; item: string }) => `${kind} ${item}`),
    ['changed TCP 80 WEB', 'removed TCP 81 OLD', 'added TCP 82 NEW'],
  );
});

test('a profile with errors is compared only with --keep-going', async (t) => {
  const { run } = workspace(t, FILES);
  for (const line of ['profile diff @a @bad', 'profile diff @bad @a']) {
    const { code, stdout, stderr } = await run(line);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(
      stderr,
      /^@bad:1:\d+: error[\s\S]*error\[PROFILE_UNSOUND\]: @bad could not be evaluated: 1 error\n/,
    );
  }
  assert.equal((await run('profile diff @a @bad --keep-going')).code, 1);
  assert.equal((await run('profile diff @a @none')).code, 2);
});

test('--live also lists the open sockets that the second profile would refuse', async (t) => {
  const port = await listening(t);
  const { run, write } = workspace(t, FILES);
  write('letting', `PORT ${port} TCP * SHAREPORT\n`);
  write('refusing', `PORT ${port} TCP RESERVED\n`);
  const { code, stdout } = await run('profile diff --live @letting @refusing');
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`\\n1 added, 1 removed\\n\\n.*\\nrefused +tcp 127\\.0\\.0\\.1:${port} `));
  assert.match(stdout, /@refusing:1 .*\n(?:.*\n)*open sockets: 1 would be refused\n$/);
  const { stdout: json } = await run('profile diff --live @refusing @letting --json');
  const { changes, refused, restart, sockets } = JSON.parse(json);
  assert.deepEqual([changes.length, refused, restart], [2, 0, 1]);
  const [{ effect, rule, processes, differences, before }] = sockets;
  assert.deepEqual([effect, rule.file, rule.line, before.allowed], ['restart', '@letting', 1, false]);
  assert.equal(processes[0].pid, process.pid);
  assert.deepEqual(differences, [{ what: 'SHAREPORT', from: false, to: true }]);
});

test('--live with one file compares it with the profile in force', async (t) => {
  const port = await listening(t);
  const { run, write, state } = workspace(t, FILES);
  write('first', `PORT ${port} TCP *\n`);
  write('refusing', `PORT ${port} TCP RESERVED\n`);
  await run(`apply @first --state ${state}`);
  const { stdout } = await run(`profile diff --live @refusing --state ${state}`);
  assert.match(stdout, /\n1 added, 1 removed\n\n.*\nrefused .* @refusing:1 /);
  const { code, stdout: same } = await run(`profile diff --live @first --state ${state}`);
  assert.equal(code, 0);
  assert.match(same, /^no changes\n(?:.*\n)*no open socket would be refused/);
  const alone = await run('profile diff @first');
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /use --live to compare it with the profile in force/);
});
