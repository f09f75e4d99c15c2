// Tests of the portmap process: its privileges, and what happens when it or the daemon is killed.

import assert from 'node:assert/strict';
import { cp, link, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { isRunning, otherPortmap, ROOT, status, threadPrivileges } from '../support/daemon.ts';
import { ONLY_PORTREEVE, rpcinfo, setup } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox, until } from '../support/sandbox.ts';

const PROBES = { probes: [ONLY_PORTREEVE] };
const NOTHING = '0000000000000000';

test('no thread has any privilege or can gain one', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  const { portmap } = await status(at.sandbox);
  const threads = await threadPrivileges(at.sandbox, portmap.pid ?? 0);
  assert.ok(threads.length > 1, 'Node has more than one thread');
  for (const thread of threads) {
    assert.deepEqual(thread, {
      Uid: '60711\t60711\t60711\t60711',
      Gid: '60711\t60711\t60711\t60711',
      Groups: '',
      CapInh: NOTHING,
      CapPrm: NOTHING,
      CapEff: NOTHING,
      CapBnd: NOTHING,
      CapAmb: NOTHING,
      NoNewPrivs: '1',
      Seccomp: '2',
    });
  }
  // The same fields of the daemon, which is root, show that they are parsed correctly.
  const [daemon] = await threadPrivileges(at.sandbox, (await status(at.sandbox)).pid);
  assert.equal(daemon?.['Uid'], '0\t0\t0\t0');
  assert.notEqual(daemon?.['CapEff'], NOTHING);
});

test('the self-test finds that it cannot open anything', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  assert.deepEqual((await status(at.sandbox)).portmap.unconfined, []);
});

test('the account portreeve-portmap is used if it exists', async (t) => {
  const at = await setup(t, {
    ...PROBES,
    files: { '/etc/passwd': 'root:x:0:0:root:/:/bin/sh\nportreeve-portmap:x:777:778::/:/bin/false\n' },
  });
  if (at === undefined) return;
  const [thread] = await threadPrivileges(at.sandbox, (await status(at.sandbox)).portmap.pid ?? 0);
  assert.equal(thread?.['Uid'], '777\t777\t777\t777');
  assert.equal(thread?.['Gid'], '778\t778\t778\t778');
});

test('a killed process is replaced, and no client is refused in the meantime', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  const before = await status(at.sandbox);
  await at.sandbox.run(['kill', '-KILL', `${before.portmap.pid}`]);
  // The daemon holds the sockets: new requests wait for the next process.
  assert.equal((await rpcinfo(at.sandbox, '-p', '127.0.0.1')).length, 6);
  const after = await otherPortmap(at.sandbox, before.portmap.pid);
  assert.equal(after.pid, before.pid);
  assert.equal(after.portmap.restarts, 1);
});

test('a process killed during its start is restarted', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  const { pid, portmap } = await status(at.sandbox);
  await at.sandbox.run(['kill', '-KILL', `${portmap.pid}`]);
  // setpriv or Node, before it has read the messages of the daemon.
  const successor = await until('a successor', async () => {
    const { portmap: now } = await status(at.sandbox);
    return now.pid !== null && now.pid !== portmap.pid && now.pid;
  });
  await at.sandbox.run(['kill', '-KILL', `${successor}`]);
  const after = await otherPortmap(at.sandbox, successor);
  assert.equal(after.pid, pid);
  assert.equal((await rpcinfo(at.sandbox, '-p', '127.0.0.1')).length, 6);
});

test('a client that hangs up without reading uses no CPU time', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  const { portmap } = await status(at.sandbox);
  const hangUp = `
import socket, struct, time
s = socket.socket(socket.AF_UNIX); s.connect('/run/rpcbind.sock')
call = struct.pack('>11I', 0x80000028, 7, 0, 2, 100000, 3, 4, 0, 0, 0, 0)
s.setblocking(False)
try:
    while True: s.send(call)
except BlockingIOError: pass
s.shutdown(socket.SHUT_RDWR)
ticks = lambda: sum(map(int, open('/proc/${portmap.pid}/stat').read().rsplit(')', 1)[1].split()[11:13]))
before = ticks(); time.sleep(0.5); print(ticks() - before)`;
  if (!needs(t, probe.command('python3'))) return;
  const { stdout, stderr } = await at.sandbox.run(['python3', '-c', hangUp]);
  assert.match(stdout, /^\d+\n$/, stderr);
  // A busy loop would have used all fifty ticks.
  assert.ok(JSON.parse(stdout) < 15, `${stdout} ticks`);
});

test('it exits when the daemon is killed', async (t) => {
  const at = await setup(t, PROBES);
  if (at === undefined) return;
  const { pid, portmap } = await status(at.sandbox);
  assert.ok(await isRunning(at.sandbox, portmap.pid));
  await at.sandbox.run(['kill', '-KILL', `${pid}`]);
  await until('the portmap process to end', async () => !(await isRunning(at.sandbox, portmap.pid)));
});

test('it runs from a checkout that only root can enter', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), ONLY_PORTREEVE)) return;
  const home = await mkdtemp(join(tmpdir(), 'portreeve-home-'));
  t.after(() => rm(home, { recursive: true }));
  for (const part of ['bin', 'dist', 'package.json'])
    await cp(join(ROOT, part), join(home, part), { recursive: true });
  await mkdir(join(home, 'node_modules/node-linux-here/bin'), { recursive: true });
  await linkOrCopy(process.execPath, join(home, 'node_modules/node-linux-here/bin/node'));
  for (const name of ['koffi', '@koromix', 'commander', 'pino']) {
    await symlink(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
  }
  const sandbox = await Sandbox.open(t);
  const running = sandbox.start([join(home, 'bin/portreeve'), 'serve']);
  await running.waitForOutput(/portmap is ready/);
  const { portmap } = await status(sandbox);
  const [thread] = await threadPrivileges(sandbox, portmap.pid ?? 0);
  assert.equal(thread?.['Uid'], '60711\t60711\t60711\t60711');
  assert.deepEqual(portmap.unconfined, []);
  assert.equal((await running.stop()).code, 0);
});

/** A file of 120 MB: a hard link costs nothing if both are on one file system. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to);
  }
}
