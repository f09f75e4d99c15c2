/** The owners of sockets on the real kernel: cached, updated, and never attributed to the wrong process. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { cgroupId, cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { LinuxOpenSockets } from '../../src/sockets/linux/open-sockets.ts';
import { NO_PEERS, portreeve, ROOT } from '../support/daemon.ts';
import { ownCgroup } from '../support/own-cgroup.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox, until } from '../support/sandbox.ts';

const SUPPORT = join(ROOT, 'test/support');
const PASSER = join(SUPPORT, 'socket-passer.py');
const LOTTERY = join(SUPPORT, 'pid-lottery.py');
const SCANS = join(SUPPORT, 'socket-scans.ts');
const SCANS_MS = 60_000;
const CONTAINER = 'c'.repeat(64);

/** Two processes, one of which has a listener. */
async function passer(t: TestContext) {
  const child = spawn('python3', [PASSER], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout });
  const nextLine = async (): Promise<string> => `${await once(lines, 'line')}`;
  const [port = 0, a = 0, b = 0]: number[] = JSON.parse(`[${(await nextLine()).replaceAll(' ', ',')}]`);
  const order = async (what: string) => {
    child.stdin.write(`${what}\n`);
    assert.equal(await nextLine(), 'done');
  };
  return { port, a, b, order };
}

/** The processes that have the socket on a port open: "4711 python3". */
function ownersAt(sockets: LinuxOpenSockets, port: number): string[] {
  const inodes = sockets.list({ protocol: 'tcp', port }).map(({ inode }) => inode);
  const { owners } = sockets.owners(new Set(inodes));
  return inodes.flatMap((inode) => (owners.get(inode) ?? []).map(({ pid, name }) => `${pid} ${name}`)).sort();
}

test('the owners are correct after a socket is passed, shared, kept across exec, and closed', async (t) => {
  if (!needs(t, probe.command('python3'))) return;
  const { port, a, b, order } = await passer(t);
  const kept = new LinuxOpenSockets();
  const [isA, isB] = [`${a} python3`, `${b} python3`];
  const scans = (): string[][] => [kept, new LinuxOpenSockets()].map((sockets) => ownersAt(sockets, port));
  assert.deepEqual(scans(), [[isA], [isA]]);
  assert.deepEqual(scans(), [[isA], [isA]], 'after no change');
  await order('pass');
  assert.deepEqual(scans(), [[isB], [isB]]);
  await order('share');
  assert.deepEqual(scans(), [[isA, isB].sort(), [isA, isB].sort()]);
  await order('exec');
  const isSleep = `${a} sleep`;
  await until('the process to execute another program', () =>
    ownersAt(new LinuxOpenSockets(), port).includes(isSleep),
  );
  assert.deepEqual(ownersAt(kept, port), [isSleep, isB].sort());
  await order('end');
  assert.deepEqual(scans(), [[isB], [isB]]);
});

test("reports related processes that share the socket, even with 'some'", async (t) => {
  if (!needs(t, probe.command('python3'))) return;
  const program = `import os, socket, sys, time
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen()
pids = [os.getpid()]
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        sys.stdin.read()
        os._exit(0)
    pids.append(pid)
print([listener.getsockname()[1], *pids], flush=True)
sys.stdin.read()`;
  const child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const [text] = await once(child.stdout, 'data');
  const [port = 0, ...pids]: number[] = JSON.parse(`${text}`);
  const expected = pids.map((pid) => `${pid} python3`).sort();
  assert.deepEqual(ownersAt(new LinuxOpenSockets('some'), port), expected);
  assert.deepEqual(ownersAt(new LinuxOpenSockets(), port), expected);
});

test('reports the own process as the owner of its socket', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const sockets = new LinuxOpenSockets();
  const [socket] = sockets.list({ protocol: 'tcp', states: ['LISTEN'], port });
  assert.deepEqual([socket?.uid, socket?.state], [process.getuid?.(), 'LISTEN']);
  const owners = sockets.owners(new Set([socket?.inode ?? 0])).owners.get(socket?.inode ?? 0) ?? [];
  const own = owners.find(({ pid }) => pid === process.pid) ?? assert.fail('not found');
  assert.equal(own.uid, process.geteuid?.());
  assert.match(own.command, /node/);
  assert.ok(own.startTicks > 0);
});

for (const how of ['all', 'some']) {
  test(`never confuses processes while PIDs are reused (${how})`, async (t) => {
    if (!needs(t, probe.root(), probe.netns(), probe.command('python3'))) return;
    const sandbox = await Sandbox.open(t);
    const lottery = sandbox.start(['sh', '-c', 'sleep 1000 | exec python3 "$0"', LOTTERY]);
    await lottery.waitForOutput(/ready/);
    const argv = [process.execPath, SCANS, '--how', how];
    const { stdout, stderr } = await sandbox.run(argv, { timeout: SCANS_MS, env: NO_PEERS });
    assert.equal(stderr, '');
    const { scans, owned, wrong, processes } = JSON.parse(stdout);
    assert.deepEqual([scans, wrong], [400, 0]);
    // The scans must have found something.
    assert.ok(owned > scans && processes > 60, stdout);
  });
}

test('finds a cgroup by its ID, as root and as another user, and not after it is removed', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.cgroup2(), probe.command('python3'))) return;
  const above = ownCgroup(t);
  // Other users search the directories.
  chmodSync(above, 0o755);
  const directory = join(above, `docker-${CONTAINER}.scope`);
  mkdirSync(directory);
  const sandbox = await Sandbox.open(t);
  const program = `import socket, sys
listener = socket.socket()
listener.bind(('127.0.0.1', 3000))
listener.listen()
print('ready', flush=True)
sys.stdin.read()`;
  const enter = ['sh', '-c', 'sleep 1000 | { echo 0 >"$0/cgroup.procs"; exec python3 -c "$1"; }', directory];
  const holder = sandbox.start([...enter, program]);
  await holder.waitForOutput(/ready/);
  for (const uid of [0, 1000]) {
    const { stdout } = await portreeve(sandbox, ['ports', '3000', '--json'], { uid });
    const [record] = JSON.parse(stdout).ports;
    assert.deepEqual(record.container, { runtime: 'docker', id: CONTAINER.slice(0, 12) }, `as ${uid}`);
  }
  const sockets = new LinuxOpenSockets();
  assert.equal(sockets.cgroupPath(1n), '/');
  const gone = join(ownCgroup(t), 'gone');
  mkdirSync(gone);
  const id = cgroupId(gone);
  assert.equal(sockets.cgroupPath(id), gone.slice(cgroupRoot().length));
  rmdirSync(gone);
  assert.equal(sockets.cgroupPath(id), undefined);
});
