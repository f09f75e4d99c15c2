/** Tests that root and each user are served while other users crowd the sockets of the daemon. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ROOT_STATUS_SOCKET, STATUS_SOCKET, USER_SOCKET } from '../../src/kit/daemon-names.ts';
import { portreeve, serve } from '../support/daemon.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox, until } from '../support/sandbox.ts';

const HOLD = join(import.meta.dirname, '../support/hold-connections.py');
const SOCKETS = [STATUS_SOCKET, USER_SOCKET].map((name) => `/run/portreeve/${name}`);
const ALICE = 1000;
const BOB = 1001;
const ASKED = 5;

/** A daemon whose sockets are crowded by this number of connections of this number of users. */
async function crowded(t: TestContext, connections: number, firstUid: number, uids: number, subuid = '') {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.command('python3'), ONLY_PORTREEVE))
    return undefined;
  const sandbox = await Sandbox.open(t, { files: { '/etc/subuid': subuid } });
  await serve(sandbox);
  const holding = sandbox.start(['python3', HOLD, `${connections}`, `${firstUid}`, `${uids}`, ...SOCKETS]);
  await holding.waitForOutput(/held/);
  /** How often a user receives the status in several attempts while the sockets are crowded. */
  const reported = async (uid: number) => {
    let count = 0;
    for (let i = 0; i < ASKED; i++) if ((await portreeve(sandbox, ['status'], { uid })).code === 0) count++;
    return count;
  };
  return { sandbox, reported };
}

/** Sends one request, and prints the answer. */
const ASK = `
import socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(b"GET /v1/status HTTP/1.0\\r\\nhost: x\\r\\n\\r\\n")
while data := sock.recv(65536): sys.stdout.write(data.decode())`;

/** Waits until the user who crowds a socket is refused there with this message. */
async function refused(sandbox: Sandbox, socket: string, message: RegExp): Promise<void> {
  await until(`${message} on ${socket}`, async () => {
    const { stdout } = await sandbox.run(['python3', '-c', ASK, `/run/portreeve/${socket}`], { uid: ALICE });
    return message.test(stdout) && stdout.startsWith('HTTP/1.1 503 ');
  });
}

test('one user with 100 idle connections on each socket locks out no other user', async (t) => {
  const setup = await crowded(t, 100, ALICE, 1);
  if (!setup) return;
  const { sandbox, reported } = setup;
  assert.deepEqual([await reported(0), await reported(BOB)], [ASKED, ASKED]);
  await refused(
    sandbox,
    STATUS_SOCKET,
    /too many connections of this user.*Close some of them, or try again/,
  );
  await refused(sandbox, USER_SOCKET, /too many connections of this user/);
  // A place is free occasionally: the command is served or reports the reason, and does not suggest a second daemon.
  const { code, stderr } = await portreeve(sandbox, ['status'], { uid: ALICE });
  if (code !== 0) assert.match(stderr, /too many connections of this user|ended the connection/);
  assert.doesNotMatch(stderr, /Start it/);
});

test('200 uids with an idle connection each lock out neither root nor another user', async (t) => {
  const setup = await crowded(t, 200, 100_000, 200);
  if (!setup) return;
  const { reported } = setup;
  assert.equal(await reported(0), ASKED);
  assert.equal(await reported(BOB), ASKED);
});

test('the subordinate uids of a user share the places of that user', async (t) => {
  const setup = await crowded(t, 200, 100_000, 200, `${ALICE}:100000:65536\n`);
  if (!setup) return;
  const { sandbox, reported } = setup;
  assert.deepEqual([await reported(0), await reported(BOB)], [ASKED, ASKED]);
  await refused(sandbox, STATUS_SOCKET, /too many connections of this user/);
});

const FLOOD = `
import os, socket, sys
os.setuid(${ALICE})
for _ in range(2): os.fork()
print("flooding", flush=True)
while True:
    sock = socket.socket(socket.AF_UNIX)
    try: sock.connect(sys.argv[1])
    except OSError: pass
    sock.close()
`;

const CONNECT = 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])';

test('a user who connects without a pause does not lock out root', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.command('python3'), ONLY_PORTREEVE))
    return;
  const sandbox = await Sandbox.open(t);
  await serve(sandbox);
  const flood = sandbox.start(['python3', '-c', FLOOD, `/run/portreeve/${STATUS_SOCKET}`]);
  await flood.waitForOutput(/flooding/);
  for (let i = 0; i < ASKED; i++) {
    const { code, stderr } = await portreeve(sandbox, ['status'], { uid: 0 });
    assert.equal(code, 0, stderr);
  }
  const denied = await sandbox.run(['python3', '-c', CONNECT, `/run/portreeve/${ROOT_STATUS_SOCKET}`], {
    uid: ALICE,
  });
  assert.match(denied.stderr, /PermissionError/);
});
