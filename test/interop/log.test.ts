// Tests of the log of registrations on a real file system: full, truncated, damaged, of another boot, and reused.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  decodeLogHeader,
  encodeLogHeader,
  LOG_HEADER_BYTES,
  readLog,
} from '../../src/portmap/wire/registration-log.ts';
import { type Call, makeCalls } from '../support/calls.ts';
import { otherPortmap, portreeve, serve, status } from '../support/daemon.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox, until } from '../support/sandbox.ts';

const RUNTIME = '/run/portreeve';
const FIRST_PROGRAM = 536871000;

/** A sandbox whose runtime directory is a separate file system that can be full. */
async function openSandbox(t: TestContext): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns(), ONLY_PORTREEVE)) return undefined;
  const sandbox = await Sandbox.open(t);
  await mustRun(sandbox, `mkdir ${RUNTIME} && mount -t tmpfs -o size=8m,mode=0755 small ${RUNTIME}`);
  return sandbox;
}

async function mustRun(sandbox: Sandbox, command: string): Promise<void> {
  const { code, stderr } = await sandbox.run(['sh', '-c', command]);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
}

function call(procedure: 'set' | 'unset', index: number): Call {
  const entry = { program: FIRST_PROGRAM + index, version: 1, netid: 'udp', address: '127.0.0.1.16.147' };
  return { via: 'local', procedure, entry, uid: 0 };
}

const sets = (from: number, to: number): Call[] =>
  Array.from({ length: to - from }, (_, i) => call('set', from + i));

/** Fills the runtime directory. */
async function fill(sandbox: Sandbox): Promise<void> {
  const { stderr } = await sandbox.run(['dd', 'if=/dev/zero', `of=${RUNTIME}/filler`, 'bs=4k']);
  assert.match(stderr, /No space left/);
}

/** The indexes of the listed entries. */
async function listed(sandbox: Sandbox): Promise<number[]> {
  const { stdout } = await portreeve(sandbox, ['portmap', 'list', '--json']);
  const entries: { program: number }[] = JSON.parse(stdout);
  return entries
    .map(({ program }) => program - FIRST_PROGRAM)
    .filter((index) => index >= 0)
    .sort((a, b) => a - b);
}

/** Kills the process that has the log, and waits until the next one has read it. */
async function killPortmap(sandbox: Sandbox): Promise<void> {
  const { portmap } = await status(sandbox);
  await sandbox.run(['kill', '-KILL', `${portmap.pid}`]);
  await otherPortmap(sandbox, portmap.pid);
}

/** The current log file on the host, and its contents. */
function newestLog(sandbox: Sandbox): { file: string; bytes: Buffer } {
  const logs = [0, 1].map((number) => {
    const file = sandbox.path(`${RUNTIME}/portmap.log.${number}`);
    const bytes = readFileSync(file);
    return { file, bytes, generation: decodeLogHeader(bytes)?.generation ?? 0 };
  });
  const newest = logs.toSorted((a, b) => b.generation - a.generation)[0];
  if (!newest) throw new Error('there is no log');
  return newest;
}

function namesAside(sandbox: Sandbox): string[] {
  return readdirSync(sandbox.path(RUNTIME)).filter((name) => /^portmap\.log\.\d\./.test(name));
}

const SET_ASIDE = /the registration log was copied to/;

test('on a full disk SET and UNSET are refused with the reason, and everything else continues', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const daemon = await serve(sandbox);
  assert.deepEqual(await makeCalls(sandbox, sets(0, 5)), [true, true, true, true, true]);
  await fill(sandbox);
  // The last page of the log still has room: 4096 bytes are less than 100 records.
  const answers = await makeCalls(sandbox, sets(5, 105));
  const full = answers.indexOf(false);
  assert.deepEqual(answers, [...Array(full).fill(true), ...Array(100 - full).fill(false)]);
  const before = await listed(sandbox);
  assert.deepEqual(
    before,
    Array.from({ length: 5 + full }, (_, index) => index),
  );
  assert.match(daemon.output, /refused a change by .*: program \d+ .*: the log cannot be written \(ENOSPC\)/);
  const unset = await makeCalls(sandbox, [
    call('unset', 0),
    call('unset', 1),
    call('unset', 2),
    call('unset', 3),
  ]);
  assert.equal(unset.at(-1), false);
  const kept = before.filter((index) => unset[index] !== true);
  assert.deepEqual(await listed(sandbox), kept);
  assert.equal((await portreeve(sandbox, ['portmap', 'ping', '127.0.0.1', 'portmapper'])).code, 0);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), kept);
  await mustRun(sandbox, `rm ${RUNTIME}/filler`);
  assert.deepEqual(await makeCalls(sandbox, [call('unset', 3), call('set', 200)]), [true, true]);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [...kept.filter((index) => index !== 3), 200]);
  assert.doesNotMatch(daemon.output, SET_ASIDE);
});

test('registrations are kept across SIGTERM and a restart', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const first = await serve(sandbox);
  await makeCalls(sandbox, [...sets(0, 3), call('unset', 1)]);
  assert.equal((await first.stop()).code, 0);
  const second = await serve(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 2]);
  assert.match(second.output, /restored 2 registrations from the log/);
  assert.deepEqual(namesAside(sandbox), []);
});

test('an incomplete last record is dropped, and the others are kept', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const first = await serve(sandbox);
  await makeCalls(sandbox, sets(0, 3));
  await first.stop();
  const { file, bytes } = newestLog(sandbox);
  truncateSync(file, bytes.length - 3);
  const second = await serve(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 1]);
  assert.deepEqual(await makeCalls(sandbox, [call('set', 3)]), [true]);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 1, 3]);
  assert.doesNotMatch(second.output, SET_ASIDE);
});

/** Changes a byte of the second of three records. */
function damage(sandbox: Sandbox): Buffer {
  const { file, bytes } = newestLog(sandbox);
  const { changes, end } = readLog(bytes);
  assert.equal(changes.length, 3);
  const middle = (LOG_HEADER_BYTES + end) >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(file, bytes);
  return bytes;
}

test('a damaged log is set aside and reported, and the records before the damage are kept', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const first = await serve(sandbox);
  await makeCalls(sandbox, sets(0, 3));
  await first.stop();
  const damaged = damage(sandbox);
  const second = await serve(sandbox);
  assert.deepEqual(await listed(sandbox), [0]);
  const [name = '', ...others] = namesAside(sandbox);
  assert.deepEqual(others, []);
  assert.match(name, /^portmap\.log\.\d\.damaged-\d{8}T\d{9}Z$/);
  assert.deepEqual(readFileSync(sandbox.path(`${RUNTIME}/${name}`)), damaged);
  const expected = `the registration log was copied to ${RUNTIME}/${name}: its record at byte `;
  assert.ok(second.output.includes(expected), second.output);
  assert.deepEqual(await makeCalls(sandbox, [call('set', 5)]), [true]);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 5]);
  assert.deepEqual(namesAside(sandbox), [name]);
});

test('records lost in a damaged log are taken from the previous log', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const first = await serve(sandbox);
  await makeCalls(sandbox, sets(0, 3));
  await killPortmap(sandbox);
  await first.stop();
  damage(sandbox);
  await serve(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 1, 2]);
  assert.equal(namesAside(sandbox).length, 1);
});

test('a damaged log is handled on a full disk, without being set aside', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const daemon = await serve(sandbox);
  await makeCalls(sandbox, sets(0, 3));
  await fill(sandbox);
  damage(sandbox);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [0]);
  assert.match(
    daemon.output,
    /cannot copy the registration log \(ENOSPC.*\): its record at byte \d+ is damaged/,
  );
  assert.deepEqual(namesAside(sandbox), []);
  assert.deepEqual(await makeCalls(sandbox, [call('set', 5)]), [false]);
  await mustRun(sandbox, `rm ${RUNTIME}/filler`);
  const isSet = async () => (await makeCalls(sandbox, [call('set', 5)]))[0];
  await until('SET to succeed', isSet);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [0, 5]);
});

test('a log of another boot is set aside once', async (t) => {
  const sandbox = await openSandbox(t);
  if (sandbox === undefined) return;
  const first = await serve(sandbox);
  await makeCalls(sandbox, sets(0, 3));
  await first.stop();
  const { file, bytes } = newestLog(sandbox);
  bytes.set(encodeLogHeader({ generation: 9, stamp: 'boot 0-0-0-0-0 net:[1]' }));
  writeFileSync(file, bytes);
  const second = await serve(sandbox);
  assert.deepEqual(await listed(sandbox), []);
  assert.match(
    second.output,
    /was copied to \S+\.other-boot-\w+: it belongs to boot 0-0-0-0-0 net:\[1\], not boot/,
  );
  assert.deepEqual(await makeCalls(sandbox, [call('set', 5)]), [true]);
  const names = namesAside(sandbox);
  assert.equal(names.length, 1);
  await killPortmap(sandbox);
  assert.deepEqual(await listed(sandbox), [5]);
  assert.deepEqual(namesAside(sandbox), names);
});
