/** Sun's small services register as nobody or root and are reached by their clients. */

import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { listed, registered, scene, unregistered } from '../support/portmap.ts';
import type { Probe } from '../support/probe.ts';
import { until, type World } from '../support/world.ts';

const RSTATD = 100001;
const RUSERSD = 100002;
const WALLD = 100008;

/** Starts a daemon that goes into the background by itself and registers so many versions, on UDP. */
async function startDaemon(world: World, name: string, program: number, versions: number): Promise<string[]> {
  world.start([name]);
  return registered(world, program, versions);
}

async function stopDaemon(world: World, name: string): Promise<void> {
  const { code, stderr } = await world.run(['sh', '-c', `kill $(pidof ${name})`]);
  assert.equal(code, 0, stderr);
}

/** Where struct utmp of x86-64 has its fields (utmp(5)), in bytes. */
const UTMP = { size: 384, type: 0, pid: 4, line: 8, id: 40, user: 44, host: 76, seconds: 340 };
const USER_PROCESS = 7;

/** Logs alice in on a terminal that is a plain file. */
async function logIn(world: World): Promise<void> {
  const entry = Buffer.alloc(UTMP.size);
  entry.writeInt16LE(USER_PROCESS, UTMP.type);
  entry.writeInt32LE(1, UTMP.pid);
  entry.write('pts/7', UTMP.line);
  entry.write('7', UTMP.id);
  entry.write('alice', UTMP.user);
  entry.write('far.example', UTMP.host);
  entry.writeInt32LE(1_700_000_000, UTMP.seconds);
  await writeFile(world.path('/run/utmp'), entry);
  await world.write('/dev/pts/7', '');
  await chmod(world.path('/dev/pts/7'), 0o666);
}

const X64: Probe =
  process.arch === 'x64' ? { ok: true } : { ok: false, reason: 'writes utmp as x86-64 has it' };

test('rusers finds rpc.rusersd and shows who is logged in', async (t) => {
  const at = await scene(t, { probes: [X64] });
  if (at === undefined) return;
  await logIn(at.world);
  await startDaemon(at.world, 'rpc.rusersd', RUSERSD, 2);
  assert.deepEqual(await listed(at.world, RUSERSD, '-s'), ['100002 2,3 udp rusersd 65534']);
  const { code, stdout } = await at.world.run(['rusers', '-l', '127.0.0.1']);
  assert.equal(code, 0);
  assert.match(stdout, /^alice +localhost:pts\/7 .*\(far\.example\)$/m);
  await stopDaemon(at.world, 'rpc.rusersd');
  await unregistered(at.world, RUSERSD);
  const gone = await at.world.run(['rusers', '127.0.0.1']);
  assert.match(gone.stdout + gone.stderr, /RPC: Program not registered/);
});

test('rwall finds rpc.rwalld, which writes to every terminal', async (t) => {
  const at = await scene(t, { probes: [X64] });
  if (at === undefined) return;
  await logIn(at.world);
  await startDaemon(at.world, 'rpc.rwalld', WALLD, 1);
  assert.deepEqual(await listed(at.world, WALLD, '-s'), ['100008 1 udp walld 65534']);
  const { code } = await at.world.run(['rwall', '127.0.0.1'], { input: 'the ports are open\n' });
  assert.equal(code, 0);
  await until('the message on the terminal', async () => {
    return (await at.world.read('/dev/pts/7')).includes('the ports are open');
  });
  // rpc.rwalld leaves its registration behind.
  await stopDaemon(at.world, 'rpc.rwalld');
  assert.equal((await at.world.run(['rpcinfo', '-d', 'walld', '1'])).code, 0);
  await unregistered(at.world, WALLD);
});

test('rpc.rstatd registers four versions on one port and answers there', async (t) => {
  const at = await scene(t);
  if (at === undefined) return;
  const rows = await startDaemon(at.world, 'rpc.rstatd', RSTATD, 4);
  assert.deepEqual(
    rows.map((row) => row.split(' ')[1]),
    ['1', '2', '3', '5'],
  );
  assert.equal(new Set(rows.map((row) => row.split(' ')[3])).size, 1);
  const { stdout } = await at.world.run(['rpcinfo', '-u', '127.0.0.1', 'rstatd', '3']);
  assert.equal(stdout, 'program 100001 version 3 ready and waiting\n');
  await stopDaemon(at.world, 'rpc.rstatd');
  await unregistered(at.world, RSTATD);
});
