// `portreeve guard` for whoever is not root: what the daemon tells, as it is, and what is said where none does.
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
  hasGoneBack: false,
  isAttached: true,
  cgroup: '1',
  namespaces: ['3', '4711'],
  home: '3',
  namesUnits: true,
  counters: { judged: '18446744073709551615', RESERVED_FOR_NO_ONE: '2', RESERVED_FOR_OTHERS: '0', lost: '7' },
};

/** The environment of a user whose daemon answers so; without an answer there is none. */
async function userOf(t: TestContext, answer?: { readonly status: number; readonly body: object }) {
  const home = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(home, { recursive: true }));
  const runtime = join(home, 'portreeve');
  await mkdir(runtime);
  if (answer) {
    const server = createServer(({ url }, response) => {
      const isAsked = url === GUARD_PATH;
      response.writeHead(isAsked ? answer.status : 404).end(JSON.stringify(isAsked ? answer.body : {}));
    });
    server.listen(join(runtime, STATUS_SOCKET));
    await once(server, 'listening');
    t.after(() => server.close());
  }
  return { runtime, io: capturedIo({ uid: UID, env: { XDG_RUNTIME_DIR: home, XDG_STATE_HOME: home } }) };
}

test('what the daemon tells is shown as words', async (t) => {
  const { io } = await userOf(t, { status: 200, body: STATE });
  assert.equal(await run(['guard'], io), 0);
  const text = io.stdout().replace(/since \S+ \S+/, 'since then');
  assert.ok(
    text.startsWith(`guard     enforces the profile
profile   revision 3, in force since then
trial     13 s to go, then it goes back
binds     18446744073709551615 that the profile allows, 2 that it does not
          2 on ports that are reserved for no one
events    7 found no room
`),
    text,
  );
});

test('as JSON it is what the daemon has said, with what a later one adds', async (t) => {
  const body = { ...STATE, mode: 'observe', later: ['x'] };
  const { io } = await userOf(t, { status: 200, body });
  assert.equal(await run(['guard', '--json'], io), 1);
  const said = JSON.parse(io.stdout());
  assert.deepEqual({ ...said, ...body }, said);
});

test('a guard that is off is one', async (t) => {
  const { io } = await userOf(t, { status: 200, body: { mode: 'off' } });
  assert.equal(await run(['guard'], io), 1);
  assert.match(io.stdout(), /^the guard is off: the kernel does not know the profile\n/);
});

test('where nobody tells it is said who could', async (t) => {
  for (const answer of [undefined, { status: 500, body: { error: 'the guard cannot be reached' } }]) {
    const { io, runtime } = await userOf(t, answer);
    assert.equal(await run(['guard', '--runtime', runtime], io), 3);
    assert.match(
      io.stderr(),
      /^portreeve: error\[\w+\]: only root can look into the kernel, and no portreeve daemon answers:\n/,
    );
    assert.match(
      io.stderr(),
      answer ? /does not tell: the guard cannot be reached/ : /nobody is behind .*look\.sock/,
    );
    assert.match(
      io.stderr(),
      /\nRun it as root, such as by sudo, or start the daemon as root: portreeve serve\n$/,
    );
    assert.equal(io.stdout(), '');
  }
});

test('what changes something is root’s', async (t) => {
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
    /^(portreeve: error\[\w+\]: only root can .*\nRun it as root, such as by sudo\.\n){5}$/,
  );
});
