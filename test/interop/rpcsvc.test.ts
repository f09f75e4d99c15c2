/** Tests that the small RPC services of Sun register, as the user nobody or root, and that clients reach them. */

import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { listed, registered, setup, unregistered } from '../support/portmap.ts';
import type { Probe } from '../support/probe.ts';
import { type Sandbox, until } from '../support/sandbox.ts';

const RSTATD = 100001;
const RUSERSD = 100002;
const WALLD = 100008;

/** Starts a daemon that goes into the background and registers this number of versions over UDP. */
async function startDaemon(
  sandbox: Sandbox,
  name: string,
  program: number,
  versions: number,
): Promise<string[]> {
  sandbox.start([name]);
  return registered(sandbox, program, versions);
}

async function stopDaemon(sandbox: Sandbox, name: string): Promise<void> {
  const { code, stderr } = await sandbox.run(['sh', '-c', `kill $(pidof ${name})`]);
  assert.equal(code, 0, stderr);
}

/** The offsets of the fields of struct utmp on x86-64 (utmp(5)). */
const UTMP = { size: 384, type: 0, pid: 4, line: 8, id: 40, user: 44, host: 76, seconds: 340 };
const USER_PROCESS = 7;

/** Logs alice in on a terminal that is a plain file. */
async function logIn(sandbox: Sandbox): Promise<void> {
  const entry = Buffer.alloc(UTMP.size);
  entry.writeInt16LE(USER_PROCESS, UTMP.type);
  entry.writeInt32LE(1, UTMP.pid);
  entry.write('pts/7', UTMP.line);
  entry.write('7', UTMP.id);
  entry.write('alice', UTMP.user);
  entry.write('far.example', UTMP.host);
  entry.writeInt32LE(1_700_000_000, UTMP.seconds);
  await writeFile(sandbox.path('/run/utmp'), entry);
  await sandbox.write('/dev/pts/7', '');
  await chmod(sandbox.path('/dev/pts/7'), 0o666);
}

const X64: Probe =
  process.arch === 'x64' ? { ok: true } : { ok: false, reason: 'writes utmp as x86-64 has it' };

test('rusers finds rpc.rusersd and shows who is logged in', async (t) => {
  const at = await setup(t, { probes: [X64] });
  if (at === undefined) return;
  await logIn(at.sandbox);
  await startDaemon(at.sandbox, 'rpc.rusersd', RUSERSD, 2);
  assert.deepEqual(await listed(at.sandbox, RUSERSD, '-s'), ['100002 2,3 udp rusersd 65534']);
  const { code, stdout } = await at.sandbox.run(['rusers', '-l', '127.0.0.1']);
  assert.equal(code, 0);
  assert.match(stdout, /^alice +localhost:pts\/7 .*\(far\.example\)$/m);
  await stopDaemon(at.sandbox, 'rpc.rusersd');
  await unregistered(at.sandbox, RUSERSD);
  const gone = await at.sandbox.run(['rusers', '127.0.0.1']);
  assert.match(gone.stdout + gone.stderr, /RPC: Program not registered/);
});

test('rwall finds rpc.rwalld, which writes to every terminal', async (t) => {
  const at = await setup(t, { probes: [X64] });
  if (at === undefined) return;
  await logIn(at.sandbox);
  await startDaemon(at.sandbox, 'rpc.rwalld', WALLD, 1);
  assert.deepEqual(await listed(at.sandbox, WALLD, '-s'), ['100008 1 udp walld 65534']);
  const { code } = await at.sandbox.run(['rwall', '127.0.0.1'], { input: 'the ports are open\n' });
  assert.equal(code, 0);
  await until('the message on the terminal', async () => {
    return (await at.sandbox.read('/dev/pts/7')).includes('the ports are open');
  });
  // rpc.rwalld does not unregister when it ends.
  await stopDaemon(at.sandbox, 'rpc.rwalld');
  assert.equal((await at.sandbox.run(['rpcinfo', '-d', 'walld', '1'])).code, 0);
  await unregistered(at.sandbox, WALLD);
});

test('rpc.rstatd registers four versions on one port and answers there', async (t) => {
  const at = await setup(t);
  if (at === undefined) return;
  const rows = await startDaemon(at.sandbox, 'rpc.rstatd', RSTATD, 4);
  assert.deepEqual(
    rows.map((row) => row.split(' ')[1]),
    ['1', '2', '3', '5'],
  );
  assert.equal(new Set(rows.map((row) => row.split(' ')[3])).size, 1);
  const { stdout } = await at.sandbox.run(['rpcinfo', '-u', '127.0.0.1', 'rstatd', '3']);
  assert.equal(stdout, 'program 100001 version 3 ready and waiting\n');
  await stopDaemon(at.sandbox, 'rpc.rstatd');
  await unregistered(at.sandbox, RSTATD);
});
