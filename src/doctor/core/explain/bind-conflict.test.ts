// The conflict rules of bind(2). test/kernel/bind-conflict.test.ts compares them with the kernel.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import { type BindRequest, predictBind } from './bind-conflict.ts';

function ip(text: string) {
  return parseIp(text) ?? assert.fail(text);
}

function holder(local: string, changes: Partial<OpenSocket> = {}): OpenSocket {
  return {
    protocol: 'tcp',
    state: 'LISTEN',
    local: { address: ip(local), port: 80 },
    remote: undefined,
    v6Only: false,
    interfaceIndex: 0,
    uid: 0,
    inode: 1,
    cgroupId: undefined,
    expiresMs: undefined,
    ...changes,
  };
}

function request(address: string, changes: Partial<BindRequest> = {}): BindRequest {
  const options = { v6Only: false, reuseAddress: false, reusePort: false };
  return { protocol: 'tcp', address: ip(address), uid: 0, ...options, ...changes };
}

/** The answer, and the options that would change it. */
function predicted(one: OpenSocket, bind: BindRequest): string {
  const { answer, conflicts } = predictBind([one], bind);
  return [answer, ...(answer === 'unknown' ? conflicts.flatMap(({ unless }) => unless) : [])].join(' ');
}

test('a port without sockets is free', () => {
  assert.deepEqual(predictBind([], request('0.0.0.0')), { answer: 'free', conflicts: [] });
});

describe('addresses', () => {
  const cases: readonly (readonly [held: string, requested: string, answer: string])[] = [
    ['0.0.0.0', '127.0.0.1', 'in-use'],
    ['127.0.0.1', '0.0.0.0', 'in-use'],
    ['127.0.0.1', '127.0.0.2', 'free'],
    ['127.0.0.1', '::ffff:127.0.0.1', 'in-use'],
    ['127.0.0.1', '::', 'in-use'],
    ['127.0.0.1', '::1', 'free'],
    ['::', '127.0.0.1', 'in-use'],
    ['::', '::ffff:127.0.0.1', 'in-use'],
    ['::1', '::', 'in-use'],
    ['::1', '::1', 'in-use'],
    ['::1', '2001:db8::1', 'free'],
    ['::ffff:127.0.0.1', '127.0.0.1', 'in-use'],
    ['::ffff:127.0.0.1', '::1', 'free'],
  ];
  for (const [held, requested, answer] of cases) {
    test(`${held} and ${requested}: ${answer}`, () =>
      assert.equal(predicted(holder(held), request(requested)), answer));
  }

  test('IPv6 only keeps the families apart, on either side', () => {
    const only = { v6Only: true };
    assert.equal(predicted(holder('::', only), request('0.0.0.0')), 'free');
    assert.equal(predicted(holder('::', only), request('::ffff:127.0.0.1')), 'free');
    assert.equal(predicted(holder('::1', only), request('0.0.0.0')), 'free');
    assert.equal(predicted(holder('::', only), request('::1')), 'in-use');
    assert.equal(predicted(holder('127.0.0.1'), request('::', only)), 'free');
    assert.equal(predicted(holder('::ffff:127.0.0.1'), request('::', only)), 'free');
  });

  test('the kernel does not show whether a connection is IPv6 only', () => {
    const client = holder('::1', { state: 'ESTABLISHED', remote: { address: ip('::1'), port: 7 } });
    assert.equal(predicted(client, request('0.0.0.0')), 'unknown IPV6_V6ONLY');
    assert.equal(predicted(client, request('127.0.0.1')), 'free');
    assert.equal(predicted(client, request('::')), 'in-use');
  });
});

describe('options', () => {
  const reuseAddress = { reuseAddress: true };
  const reusePort = { reusePort: true };

  test('SO_REUSEADDR on both sockets permits the bind, but not next to a TCP listener', () => {
    const server = request('0.0.0.0', reuseAddress);
    assert.equal(predicted(holder('0.0.0.0'), server), 'in-use');
    for (const state of ['BOUND', 'ESTABLISHED', 'TIME_WAIT'] as const) {
      assert.equal(predicted(holder('127.0.0.1', { state }), server), 'unknown SO_REUSEADDR');
      assert.equal(predicted(holder('127.0.0.1', { state }), request('0.0.0.0')), 'in-use');
    }
    const udp = holder('0.0.0.0', { protocol: 'udp', state: 'UNCONNECTED' });
    assert.equal(predicted(udp, { ...server, protocol: 'udp' }), 'unknown SO_REUSEADDR');
  });

  test('SO_REUSEPORT on both sockets of one user permits the bind', () => {
    assert.equal(predicted(holder('0.0.0.0'), request('0.0.0.0', reusePort)), 'unknown SO_REUSEPORT');
    assert.equal(predicted(holder('0.0.0.0'), request('0.0.0.0', { ...reusePort, uid: 1000 })), 'in-use');
    const waiting = holder('0.0.0.0', { state: 'TIME_WAIT', uid: undefined, inode: 0 });
    assert.equal(predicted(waiting, request('0.0.0.0', { ...reusePort, uid: 1000 })), 'unknown SO_REUSEPORT');
  });
});

test('TCP and UDP do not conflict', () => {
  assert.equal(predicted(holder('0.0.0.0'), request('0.0.0.0', { protocol: 'udp' })), 'free');
});

test('a connection request does not hold the port itself', () => {
  assert.equal(predicted(holder('127.0.0.1', { state: 'SYN_RECV', inode: 0 }), request('0.0.0.0')), 'free');
  assert.equal(predicted(holder('127.0.0.1', { state: 'SYN_RECV' }), request('0.0.0.0')), 'in-use');
});

test('certain conflicts are reported without the uncertain ones', () => {
  const listener = holder('0.0.0.0');
  const waiting = holder('127.0.0.1', { state: 'TIME_WAIT' });
  const { answer, conflicts } = predictBind([waiting, listener], request('0.0.0.0', { reuseAddress: true }));
  assert.equal(answer, 'in-use');
  assert.deepEqual(conflicts, [{ holder: listener, unless: [] }]);
});
