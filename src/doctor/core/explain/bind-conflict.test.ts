// Who is in whose way: the rules by themselves. test/kernel/bind-conflict.test.ts holds them against the kernel.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import { judgeBind, type WantedBind } from './bind-conflict.ts';

function ip(text: string) {
  return parseIp(text) ?? assert.fail(text);
}

function holder(local: string, words: Partial<OpenSocket> = {}): OpenSocket {
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
    ...words,
  };
}

function wanted(address: string, words: Partial<WantedBind> = {}): WantedBind {
  const options = { v6Only: false, reuseAddress: false, reusePort: false };
  return { protocol: 'tcp', address: ip(address), uid: 0, ...options, ...words };
}

/** The answer, and what would change it. */
function judged(one: OpenSocket, bind: WantedBind): string {
  const { answer, conflicts } = judgeBind([one], bind);
  return [answer, ...(answer === 'unsure' ? conflicts.flatMap(({ unless }) => unless) : [])].join(' ');
}

test('a port that nobody has is free', () => {
  assert.deepEqual(judgeBind([], wanted('0.0.0.0')), { answer: 'free', conflicts: [] });
});

describe('addresses', () => {
  const cases: readonly (readonly [held: string, asked: string, answer: string])[] = [
    ['0.0.0.0', '127.0.0.1', 'taken'],
    ['127.0.0.1', '0.0.0.0', 'taken'],
    ['127.0.0.1', '127.0.0.2', 'free'],
    ['127.0.0.1', '::ffff:127.0.0.1', 'taken'],
    ['127.0.0.1', '::', 'taken'],
    ['127.0.0.1', '::1', 'free'],
    ['::', '127.0.0.1', 'taken'],
    ['::', '::ffff:127.0.0.1', 'taken'],
    ['::1', '::', 'taken'],
    ['::1', '::1', 'taken'],
    ['::1', '2001:db8::1', 'free'],
    ['::ffff:127.0.0.1', '127.0.0.1', 'taken'],
    ['::ffff:127.0.0.1', '::1', 'free'],
  ];
  for (const [held, asked, answer] of cases) {
    test(`${held} and ${asked}: ${answer}`, () => assert.equal(judged(holder(held), wanted(asked)), answer));
  }

  test('IPv6 only keeps the families apart, on either side', () => {
    const only = { v6Only: true };
    assert.equal(judged(holder('::', only), wanted('0.0.0.0')), 'free');
    assert.equal(judged(holder('::', only), wanted('::ffff:127.0.0.1')), 'free');
    assert.equal(judged(holder('::1', only), wanted('0.0.0.0')), 'free');
    assert.equal(judged(holder('::', only), wanted('::1')), 'taken');
    assert.equal(judged(holder('127.0.0.1'), wanted('::', only)), 'free');
    assert.equal(judged(holder('::ffff:127.0.0.1'), wanted('::', only)), 'free');
  });

  test('of a connection the kernel does not show whether it is IPv6 only', () => {
    const client = holder('::1', { state: 'ESTABLISHED', remote: { address: ip('::1'), port: 7 } });
    assert.equal(judged(client, wanted('0.0.0.0')), 'unsure IPV6_V6ONLY');
    assert.equal(judged(client, wanted('127.0.0.1')), 'free');
    assert.equal(judged(client, wanted('::')), 'taken');
  });
});

describe('options', () => {
  const reuseAddress = { reuseAddress: true };
  const reusePort = { reusePort: true };

  test('SO_REUSEADDR helps where both have it, but not against a listener of TCP', () => {
    const server = wanted('0.0.0.0', reuseAddress);
    assert.equal(judged(holder('0.0.0.0'), server), 'taken');
    for (const state of ['BOUND', 'ESTABLISHED', 'TIME_WAIT'] as const) {
      assert.equal(judged(holder('127.0.0.1', { state }), server), 'unsure SO_REUSEADDR');
      assert.equal(judged(holder('127.0.0.1', { state }), wanted('0.0.0.0')), 'taken');
    }
    const udp = holder('0.0.0.0', { protocol: 'udp', state: 'UNCONNECTED' });
    assert.equal(judged(udp, { ...server, protocol: 'udp' }), 'unsure SO_REUSEADDR');
  });

  test('SO_REUSEPORT helps where both have it and are of one user', () => {
    assert.equal(judged(holder('0.0.0.0'), wanted('0.0.0.0', reusePort)), 'unsure SO_REUSEPORT');
    assert.equal(judged(holder('0.0.0.0'), wanted('0.0.0.0', { ...reusePort, uid: 1000 })), 'taken');
    const waiting = holder('0.0.0.0', { state: 'TIME_WAIT', uid: undefined, inode: 0 });
    assert.equal(judged(waiting, wanted('0.0.0.0', { ...reusePort, uid: 1000 })), 'unsure SO_REUSEPORT');
  });
});

test('TCP and UDP do not meet', () => {
  assert.equal(judged(holder('0.0.0.0'), wanted('0.0.0.0', { protocol: 'udp' })), 'free');
});

test('a connection that is not made yet holds nothing besides its listener', () => {
  assert.equal(judged(holder('127.0.0.1', { state: 'SYN_RECV', inode: 0 }), wanted('0.0.0.0')), 'free');
  assert.equal(judged(holder('127.0.0.1', { state: 'SYN_RECV' }), wanted('0.0.0.0')), 'taken');
});

test('what is certainly in the way is told without what only may be', () => {
  const listener = holder('0.0.0.0');
  const waiting = holder('127.0.0.1', { state: 'TIME_WAIT' });
  const { answer, conflicts } = judgeBind([waiting, listener], wanted('0.0.0.0', { reuseAddress: true }));
  assert.equal(answer, 'taken');
  assert.deepEqual(conflicts, [{ holder: listener, unless: [] }]);
});
