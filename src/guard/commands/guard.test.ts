// `portreeve guard` without root: the report of the daemon, and the message where no daemon answers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { run } from '../../main/program.ts';
import { GUARD_PATH, type GuardJson } from '../app/report.ts';

const UID = process.getuid?.() || 1000;

const STATE: GuardJson = {
  mode: 'enforce',
  revision: 3,
  since: '2026-11-20T10:59:03.000Z',
  trialMs: 12_500,
  hasReverted: false,
  isAttached: true,
  cgroup: '1',
  namespaces: ['3', '4711'],
  home: '3',
  namesUnits: true,
  counters: { judged: '18446744073709551615', RESERVED_FOR_NO_ONE: '2', RESERVED_FOR_OTHERS: '0', lost: '7' },
};

/** The environment of a user whose daemon gives this answer; without an answer there is no daemon. */
async function userOf(t: TestContext, answer?: { readonly status: number; readonly body: object }) {
  const home = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(home, { recursive: true }));
  const runtime = join(home, 'portreeve');
  await mkdir(runtime);
  if (answer) {
    const server = createServer(({ url }, response) => {
      const isQueried = url === GUARD_PATH;
      response.writeHead(isQueried ? answer.status : 404).end(JSON.stringify(isQueried ? answer.body : {}));
    });
    server.listen(join(runtime, STATUS_SOCKET));
    await once(server, 'listening');
    t.after(() => server.close());
  }
  return { runtime, io: capturedIo({ uid: UID, env: { XDG_RUNTIME_DIR: home, XDG_STATE_HOME: home } }) };
}

test('the report of the daemon is printed as text', async (t) => {
  const { io } = await userOf(t, { status: 200, body: STATE });
  assert.equal(await run(['guard'], io), 0);
  const text = io.stdout().replace(/since \S+ \S+/, 'since then');
  assert.ok(
    text.startsWith(`guard     enforces the profile
profile   revision 3, in force since then
trial     13 s left, then the profile before it returns
binds     18446744073709551615 allowed by the profile, 2 not allowed
          2 on ports that are reserved for no one
events    7 lost: the buffer was full
`),
    text,
  );
});

test('JSON is what the daemon reports, with fields that a later daemon adds', async (t) => {
  const body = { ...STATE, mode: 'observe', later: ['x'] };
  const { io } = await userOf(t, { status: 200, body });
  assert.equal(await run(['guard', '--json'], io), 1);
  const printed = JSON.parse(io.stdout());
  assert.deepEqual({ ...printed, ...body }, printed);
});

test('a guard that is off is reported as off', async (t) => {
  const { io } = await userOf(t, { status: 200, body: { mode: 'off' } });
  assert.equal(await run(['guard'], io), 1);
  assert.match(io.stdout(), /^the guard is off: the profile is not enforced\n/);
});

test('without a report, the error shows who can provide one', async (t) => {
  for (const answer of [
    undefined,
    { status: 500, body: { error: 'could not open the guard in the kernel' } },
  ]) {
    const { io, runtime } = await userOf(t, answer);
    assert.equal(await run(['guard', '--runtime', runtime], io), 3);
    assert.match(
      io.stderr(),
      /^portreeve: error\[\w+\]: only root can inspect the kernel, and no portreeve daemon answers:\n/,
    );
    assert.match(io.stderr(), answer ? /could not open the guard in the kernel/ : /status\.sock/);
    assert.match(
      io.stderr(),
      /\nRun it as root, for example with sudo, or start the daemon as root: portreeve serve\n$/,
    );
    assert.equal(io.stdout(), '');
  }
});

test('changes need root', async (t) => {
  const { io } = await userOf(t, { status: 200, body: STATE });
  for (const words of [
    'guard enforce',
    'guard off',
    'guard namespaces',
    'guard namespaces add web',
    'confirm',
  ])
    assert.equal(await run(words.split(' '), io), 3, words);
  assert.match(
    io.stderr(),
    /^(portreeve: error\[\w+\]: only root can .*\nRun it as root, for example with sudo\.\n){5}$/,
  );
});
