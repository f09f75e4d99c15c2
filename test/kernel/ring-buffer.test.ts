/** Records of a BPF ring buffer arrive completely and in order, each once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Layout } from '../../src/base/layout.ts';
import { Assembler } from '../../src/bpf/assembler.ts';
import { SOCK_ADDR } from '../../src/bpf/context.ts';
import { R0, R1, R2, R3, R4, R6, R7, R10 } from '../../src/bpf/instruction.ts';
import { RingBuffer } from '../../src/host/linux/ring-buffer.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';

const RING_BYTES = 4096;
const EVENT = new Layout({ port: 'u32', number: 'u64' });
/** The size of a record in the buffer: a header of 8 bytes and the structure. */
const RECORD_BYTES = 24;

/** Writes a record for every bind; every third one is discarded instead. */
function eventProgram() {
  const p = new Assembler('events');
  p.loadField(R6, R1, SOCK_ADDR.fields.user_port);
  p.swap('be16', R6);
  p.loadMapValue(R7, 'count', 0);
  p.mov(R1, 1);
  p.atomicAdd('u64', R7, 0, R1);
  p.loadMap(R1, 'events');
  p.mov(R2, EVENT.bytes);
  p.mov(R3, 0);
  p.call('ringbuf_reserve');
  p.jump('eq', R0, 0, 'out', 'the buffer is full');
  p.storeField(R0, EVENT.fields.port, R6);
  p.load('u64', R4, R7, 0);
  p.storeField(R0, EVENT.fields.number, R4);
  p.mov(R1, R0);
  p.mov(R2, 0);
  p.mod(R4, 3);
  p.jump('eq', R4, 0, 'discard');
  p.call('ringbuf_submit');
  p.goto('out');
  p.label('discard');
  p.call('ringbuf_discard');
  p.label('out');
  p.mov(R0, 1);
  p.exit();
  return p.assemble();
}

function open(t: Parameters<typeof KernelFixture.open>[0]) {
  const fixture = KernelFixture.open(t);
  const events = fixture.map({ type: 'ringbuf', keyBytes: 0, valueBytes: 0, entries: RING_BYTES });
  const count = fixture.map({ type: 'array' });
  fixture.attach('bind4', eventProgram(), { events, count });
  return { fixture, events, count };
}

const bindsOf = (count: number, from = 4000) =>
  Array.from(
    { length: count },
    (_, i) => ({ socket: 'udp4', address: '127.0.0.1', port: from + i }) as const,
  );

test('records arrive completely and in order, except those that were discarded', async (t) => {
  if (!kernelReady(t)) return;
  const { fixture, events } = open(t);
  using ring = new RingBuffer(events);
  const seen: [number, bigint][] = [];
  const keep = (record: DataView): void => {
    assert.equal(record.byteLength, EVENT.bytes);
    const { port, number } = EVENT.read(record);
    seen.push([port, number]);
  };
  assert.equal(ring.drain(keep), 0);
  await fixture.bind(...bindsOf(7));
  assert.equal(ring.drain(keep, 2), 2);
  assert.equal(ring.drain(keep), 3);
  assert.equal(ring.drain(keep), 0);
  const numbers = [1, 2, 4, 5, 7];
  assert.deepEqual(
    seen,
    numbers.map((number) => [3999 + number, BigInt(number)]),
  );
});

test('a full buffer accepts no more; after reading it continues, around its end', async (t) => {
  if (!kernelReady(t)) return;
  const { fixture, events, count } = open(t);
  using ring = new RingBuffer(events);
  const room = Math.floor(RING_BYTES / RECORD_BYTES);
  const numbers: bigint[] = [];
  const keep = (record: DataView): void => {
    numbers.push(EVENT.read(record).number);
  };
  // Enough rounds for records to lie across the end of the memory.
  let last = 0n;
  for (let round = 0; round < 4; round++) {
    const before = numbers.length;
    await fixture.bind(...bindsOf(room + 20));
    ring.drain(keep);
    const got = numbers.slice(before);
    const written = BigInt(before === 0 ? 0 : round * (room + 20));
    assert.ok(got.length > 100 && got.length <= room, `${got.length} records`);
    assert.equal(got[0], firstKept(written + 1n));
    assert.deepEqual(
      got,
      got.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.ok(got.every((number) => number % 3n !== 0n && number > last));
    last = got.at(-1) ?? 0n;
  }
  const total = new BigUint64Array((count.lookup(new Uint8Array(4)) ?? assert.fail()).buffer)[0];
  assert.equal(total, BigInt(4 * (room + 20)));
});

/** The number of the next record that is not discarded. */
const firstKept = (number: bigint): bigint => (number % 3n === 0n ? number + 1n : number);

test('waiting ends when a record arrives, or at its timeout', async (t) => {
  if (!kernelReady(t)) return;
  const { fixture, events } = open(t);
  using ring = new RingBuffer(events);
  assert.equal(await ring.wait(1), false);
  const waiting = ring.wait(10_000);
  const bound = fixture.bind(...bindsOf(1));
  assert.equal(await waiting, true);
  assert.equal(
    ring.drain((record) => assert.equal(EVENT.read(record).port, 4000)),
    1,
  );
  await bound;
  assert.equal(await ring.wait(1), false);
});

test('another consumer continues where the first one stopped, even if that failed at a record', async (t) => {
  if (!kernelReady(t)) return;
  const { fixture, events } = open(t);
  await fixture.bind(...bindsOf(2));
  const first = new RingBuffer(events);
  const fails = (): never => {
    throw new Error('cannot');
  };
  assert.throws(() => first.drain(fails), /cannot/);
  first.close();
  using second = new RingBuffer(events);
  const ports: number[] = [];
  second.drain((record) => ports.push(EVENT.read(record).port));
  assert.deepEqual(ports, [4001]);
});

test('records of different programs and lengths are in one buffer', async (t) => {
  if (!kernelReady(t)) return;
  const { fixture, events } = open(t);
  using ring = new RingBuffer(events);
  await fixture.bind(...bindsOf(1));
  assert.equal(
    ring.drain(() => {}),
    1,
  );
  const p = new Assembler('output');
  p.store('u64', R10, -8, 1);
  p.loadMap(R1, 'events');
  p.mov(R2, R10);
  p.add(R2, -8);
  p.mov(R3, 5);
  p.mov(R4, 0);
  p.call('ringbuf_output');
  p.mov(R0, 1);
  p.exit();
  fixture.attach('bind4', p.assemble(), { events });
  await fixture.bind(...bindsOf(1));
  const lengths: number[] = [];
  ring.drain((record) => lengths.push(record.byteLength));
  assert.deepEqual(lengths, [16, 5]);
});

test('a map that is not a ring buffer is refused', (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  assert.throws(() => new RingBuffer(fixture.map({ type: 'array' })), { code: 'MEMORY_NOT_MAPPED' });
});
