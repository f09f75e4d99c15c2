/** What a BPF program can do with a bind(2): refuse it with an errno, permit a low port, or change the address. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../src/bpf/assembler.ts';
import { BIND_ANSWER, SOCK_ADDR } from '../../src/bpf/context.ts';
import { R0, R1, R6, R7 } from '../../src/bpf/instruction.ts';
import type { Program } from '../../src/bpf/program.ts';
import type { Hook } from '../../src/host/linux/sys/bpf-program.ts';
import type { Bind, Task } from '../support/binder.ts';
import { KernelFixture, kernelReady } from '../support/kernel-fixture.ts';
import { SOCK } from '../support/sock-context.ts';

const { fields } = SOCK_ADDR;
const EACCES = 13;
const AF_UNSPEC = 0;
const ALICE = 1000;
const REFUSED_PORT = 4001;
const OTHER_PORT = 4000;

/** A program that returns for one port what `write` leaves in R0, and allows all other ports. */
function forPort(port: number, write: (p: Assembler) => void): Program {
  const p = new Assembler('for_port');
  p.mov(R6, R1);
  p.loadField(R7, R6, fields.user_port);
  p.swap('be16', R7);
  p.mov(R0, BIND_ANSWER.allow);
  p.jump('ne', R7, port, 'out');
  write(p);
  p.label('out');
  p.exit();
  return p.assemble();
}

const refusing = (errno?: number) =>
  forPort(REFUSED_PORT, (p) => {
    if (errno !== undefined) {
      p.mov(R1, -errno);
      p.call('set_retval');
    }
    p.mov(R0, BIND_ANSWER.refuse);
  });

const SOCKETS: readonly (Pick<Bind, 'socket' | 'address'> & { readonly hook: Hook })[] = [
  { hook: 'bind4', socket: 'tcp4', address: '127.0.0.1' },
  { hook: 'bind4', socket: 'udp4', address: '127.0.0.1' },
  { hook: 'bind6', socket: 'tcp6', address: '::1' },
  { hook: 'bind6', socket: 'udp6', address: '::1' },
];

for (const { hook, socket, address } of SOCKETS) {
  test(`${hook} refuses one port for ${socket}, with EPERM or with the errno that the program set`, async (t) => {
    if (!kernelReady(t)) return;
    const fixture = KernelFixture.open(t);
    const binds = [
      { socket, address, port: REFUSED_PORT },
      { socket, address, port: OTHER_PORT },
    ];
    const link = fixture.attach(hook, refusing());
    const errors = async (): Promise<(string | null)[]> =>
      (await fixture.bind(...binds)).map(({ error }) => error);
    assert.deepEqual(await errors(), ['EPERM', null]);
    // With two programs, one refusal is sufficient, and the errno that was set last applies.
    fixture.attach(hook, refusing(EACCES));
    assert.deepEqual(await errors(), ['EACCES', null]);
    assert.ok(link > 0);
  });
}

test('bind4 does not see IPv6 sockets, even with IPv4-mapped addresses', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  fixture.attach('bind4', refusing(EACCES));
  const mapped = { socket: 'tcp6', address: '::ffff:127.0.0.1', port: REFUSED_PORT } as const;
  assert.equal((await fixture.bind(mapped))[0]?.error, null);
  fixture.attach('bind6', refusing(EACCES));
  assert.equal((await fixture.bind(mapped))[0]?.error, 'EACCES');
});

test('bind4 sees AF_UNSPEC in the address of an IPv4 socket as family 0', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const seen = fixture.map({ type: 'array' });
  const p = new Assembler('family');
  p.mov(R6, R1);
  p.loadMapValue(R7, 'seen', 0);
  p.loadField(R0, R6, fields.user_family);
  p.store('u32', R7, 0, R0);
  p.loadField(R0, R6, fields.family);
  p.store('u32', R7, 4, R0);
  p.mov(R0, BIND_ANSWER.refuse);
  p.exit();
  fixture.attach('bind4', p.assemble(), { seen });
  const [bound] = await fixture.bind({
    socket: 'tcp4',
    address: '0.0.0.0',
    port: OTHER_PORT,
    claimedFamily: AF_UNSPEC,
  });
  assert.equal(bound?.error, 'EPERM');
  assert.deepEqual(seen.lookup(new Uint8Array(4)), Uint8Array.of(0, 0, 0, 0, 2, 0, 0, 0));
});

test('the return value 3 permits an unprivileged user a low port, 1 does not', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  fixture.attach(
    'bind4',
    forPort(80, (p) => p.mov(R0, BIND_ANSWER.privileged)),
  );
  const binds: Task['binds'] = [80, 81].map((port) => ({ socket: 'tcp4', address: '127.0.0.1', port }));
  const ofAlice = await fixture.report({ uid: ALICE, binds });
  assert.deepEqual(
    ofAlice.bound.map(({ error }) => error),
    [null, 'EACCES'],
  );
  const ofRoot = await fixture.report({ binds });
  assert.deepEqual(
    ofRoot.bound.map(({ error }) => error),
    [null, null],
  );
});

test('the program changes the wildcard address, and no other', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const p = new Assembler('address');
  p.mov(R6, R1);
  p.loadField(R7, R6, fields.user_ip4);
  p.jump('ne', R7, 0, 'out', 'not the wildcard');
  p.mov(R7, 0x7f000005);
  p.swap('be32', R7);
  p.storeField(R6, fields.user_ip4, R7);
  p.label('out');
  p.mov(R0, BIND_ANSWER.allow);
  p.exit();
  fixture.attach('bind4', p.assemble());
  const bound = await fixture.bind(
    { socket: 'tcp4', address: '0.0.0.0', port: OTHER_PORT },
    { socket: 'udp4', address: '0.0.0.0', port: OTHER_PORT },
    { socket: 'tcp4', address: '127.0.0.9', port: OTHER_PORT },
  );
  assert.deepEqual(
    bound.map(({ error, address, port }) => [error, address, port]),
    [
      [null, '127.0.0.5', OTHER_PORT],
      [null, '127.0.0.5', OTHER_PORT],
      [null, '127.0.0.9', OTHER_PORT],
    ],
  );
});

test('the program changes :: to ::ffff:127.0.0.5, four bytes at a time', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const p = new Assembler('address6');
  const at = fields.user_ip6.offset;
  p.mov32(R7, 0xffff0000, '0:0:ffff in network byte order');
  p.store('u32', R1, at + 8, R7);
  p.mov(R7, 0x7f000005);
  p.swap('be32', R7);
  p.store('u32', R1, at + 12, R7);
  p.mov(R0, BIND_ANSWER.allow);
  p.exit();
  fixture.attach('bind6', p.assemble());
  const [bound] = await fixture.bind({ socket: 'tcp6', address: '::', port: OTHER_PORT });
  assert.deepEqual([bound?.error, bound?.address], [null, '::ffff:127.0.0.5']);
});

test('post_bind4 sees the port that the kernel assigned, and can refuse it', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const seen = fixture.map({ type: 'array' });
  const p = new Assembler('post_bind');
  p.mov(R6, R1);
  p.loadMapValue(R7, 'seen', 0);
  p.loadField(R0, R6, SOCK.fields.src_port);
  p.store('u32', R7, 0, R0);
  p.mov(R0, BIND_ANSWER.allow);
  p.exit();
  const link = fixture.attach('post_bind4', p.assemble(), { seen });
  const [bound] = await fixture.bind({ socket: 'tcp4', address: '127.0.0.1', port: 0 });
  const value = seen.lookup(new Uint8Array(4)) ?? assert.fail();
  assert.equal(new DataView(value.buffer).getUint32(0, true), bound?.port);
  assert.ok(link > 0 && (bound?.port ?? 0) > 0);

  const refuse = new Assembler('refuse');
  refuse.mov(R0, BIND_ANSWER.refuse);
  refuse.exit();
  fixture.attach('post_bind4', refuse.assemble());
  const [refused] = await fixture.bind({ socket: 'tcp4', address: '127.0.0.1', port: 0 });
  assert.deepEqual([refused?.error, refused?.port], ['EPERM', 0]);
});

test('a program does not affect other cgroups', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const other = KernelFixture.open(t);
  fixture.attach('bind4', refusing(EACCES));
  const bind = { socket: 'tcp4', address: '127.0.0.1', port: REFUSED_PORT } as const;
  assert.equal((await fixture.bind(bind))[0]?.error, 'EACCES');
  assert.equal((await other.bind(bind))[0]?.error, null);
});

test('a program that was attached later runs later, and can revoke a refusal', async (t) => {
  if (!kernelReady(t)) return;
  const fixture = KernelFixture.open(t);
  const bind = { socket: 'tcp4', address: '127.0.0.1', port: REFUSED_PORT } as const;
  fixture.attach('bind4', refusing(EACCES));
  const p = new Assembler('forgiving');
  p.mov(R0, BIND_ANSWER.allow);
  p.exit();
  fixture.attach('bind4', p.assemble());
  assert.equal((await fixture.bind(bind))[0]?.error, 'EACCES', 'the return value alone does not');
  const q = new Assembler('undoing');
  q.mov(R1, 0);
  q.call('set_retval');
  q.mov(R0, BIND_ANSWER.allow);
  q.exit();
  fixture.attach('bind4', q.assemble());
  assert.equal((await fixture.bind(bind))[0]?.error, null);
});
