// Tests of the simulated host: processes, files, callers, connections, and reproducibility.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PortreeveError } from '../../../src/base/errors.ts';
import type { ChildEnd } from '../../../src/host/host.ts';
import { ip } from '../service.ts';
import { simHost } from './host.ts';
import { simPeer } from './peer.ts';
import { SimRandom } from './random.ts';
import { SimStreamOutput } from './stream.ts';

/** A process, and the events its parent receives. */
function started(host = simHost()) {
  const lines: string[] = [];
  const ends: ChildEnd[] = [];
  const child = host.processes.start({
    argv: ['node', 'child.ts'],
    fds: [],
    onLine: (line) => lines.push(line),
    onEnd: (end) => ends.push(end),
  });
  return { host, child, lines, ends };
}

describe('a process', () => {
  test('exchanges lines over its channel until that is closed', () => {
    const { child, lines } = started();
    child.send('a');
    child.writeLine('b');
    child.closeChannel();
    child.send('c');
    child.writeLine('d');
    assert.deepEqual([child.received, lines, child.isChannelOpen], [['a'], ['b'], false]);
  });

  test('ends once, by itself or by a signal', () => {
    const { child, ends } = started();
    child.exit(3);
    child.die('SIGSEGV');
    child.send('a');
    assert.deepEqual(ends, [{ code: 3, signal: null }]);
    assert.deepEqual([child.end, child.received], [{ code: 3, signal: null }, []]);
    assert.throws(() => child.writeLine('b'), PortreeveError);
    const other = started();
    other.child.die('SIGSEGV');
    assert.deepEqual(other.ends, [{ code: null, signal: 'SIGSEGV' }]);
  });

  test('ends by a signal when time passes, unless it handles the signal', () => {
    const { host, child, ends } = started();
    child.handlesSigterm = true;
    child.kill('SIGTERM');
    host.clock.advance(0);
    assert.deepEqual(ends, []);
    child.kill('SIGKILL');
    assert.deepEqual(ends, []);
    host.clock.advance(0);
    assert.deepEqual(ends, [{ code: null, signal: 'SIGKILL' }]);
    assert.deepEqual(child.signals, ['SIGTERM', 'SIGKILL']);
    const meek = started();
    meek.child.kill('SIGTERM');
    meek.host.clock.advance(0);
    assert.deepEqual(meek.ends, [{ code: null, signal: 'SIGTERM' }]);
  });

  test('is found by its pid while it runs', () => {
    const { host, child } = started();
    assert.equal(host.processes.info(child.pid)?.name, 'node');
    child.exit(0);
    assert.equal(host.processes.info(child.pid), undefined);
    const other = { pid: 7, name: 'rpcbind', uid: 102, rssBytes: 4096 };
    host.processes.add(other);
    assert.equal(host.processes.info(7), other);
  });

  test('has a program, which is released', () => {
    const { processes } = simHost();
    const program = processes.prepare('/usr/lib/portreeve/child.js');
    assert.deepEqual([program.entry, processes.prepared.size], ['/usr/lib/portreeve/child.js', 1]);
    program.release();
    assert.equal(processes.prepared.size, 0);
  });
});

test('the same seed gives the same processes, and another seed others', () => {
  const pids = (seed: number): number[] => {
    const host = simHost({ seed });
    return Array.from({ length: 20 }, () => started(host).child.pid);
  };
  assert.deepEqual(pids(1), pids(1));
  assert.notDeepEqual(pids(1), pids(2));
  assert.equal(new Set(pids(1)).size, 20);
  const random = new SimRandom(0);
  const numbers = Array.from({ length: 1000 }, () => random.integer(10));
  assert.deepEqual([...new Set(numbers)].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

describe('a file', () => {
  const isCode = (code: string) => (thrown: unknown) =>
    thrown instanceof PortreeveError && thrown.code === code;

  test('exists, is missing, is unreadable, or is too large', () => {
    const { files } = simHost({ files: { '/etc/a': 'four' } });
    assert.deepEqual([files.readText('/etc/a', 4), files.readText('/etc/b', 4)], ['four', undefined]);
    assert.throws(() => files.readText('/etc/a', 3), isCode('FILE_TOO_LARGE'));
    files.write('/etc/b', '');
    assert.equal(files.readText('/etc/b', 4), '');
    files.forbid('/etc/b');
    assert.throws(() => files.readText('/etc/b', 4), isCode('FILE_UNREADABLE'));
  });

  test('used as a lock has one holder', () => {
    const { files } = simHost();
    const lock = files.takeLock('/run/lock');
    assert.ok('release' in lock);
    assert.deepEqual(files.takeLock('/run/lock'), { heldBy: 100 });
    lock.release();
    assert.ok('release' in files.takeLock('/run/lock'));
    files.lock('/run/other', 812);
    assert.deepEqual(files.takeLock('/run/other'), { heldBy: 812 });
  });
});

describe('a caller', () => {
  test('over IP has an address, and a uid if it is on this host', () => {
    const peer = simPeer('udp', { address: ip('10.9.8.7'), to: ip('10.9.8.1'), port: 777, uid: 1000 });
    assert.deepEqual([peer.v4, peer.port, peer.sender()], [0x0a090807, 777, { refused: 'UNKNOWN' }]);
    const here = [simPeer('udp'), simPeer('tcp6', { uid: 1000 }), simPeer('tcp', { refused: 'LATE' })];
    assert.deepEqual(
      here.map((one) => one.sender()),
      [{ uid: 0 }, { uid: 1000 }, { refused: 'LATE' }],
    );
    assert.deepEqual([peer.isElsewhere(), here[0]?.isElsewhere()], [false, false]);
    assert.deepEqual([peer.address(), peer.localAddress()], [ip('10.9.8.7'), ip('10.9.8.1')]);
    const near = simPeer('tcp6');
    assert.deepEqual([near.v4, near.address(), near.localAddress()], [0, ip('::1'), ip('::1')]);
    assert.deepEqual(simPeer('udp', { address: ip('127.0.0.2') }).localAddress(), ip('127.0.0.1'));
  });

  test('over the Unix socket has a uid and no address', () => {
    const uids = [
      simPeer('local'),
      simPeer('local', { uid: 1000 }),
      simPeer('local', { refused: 'UNKNOWN' }),
    ];
    assert.deepEqual(
      uids.map((peer) => peer.sender()),
      [{ uid: 0 }, { uid: 1000 }, { refused: 'UNKNOWN' }],
    );
    assert.deepEqual([uids[0]?.address(), uids[0]?.localAddress()], [undefined, undefined]);
    const elsewhere = simPeer('local', { isElsewhere: true });
    assert.deepEqual([uids[0]?.isElsewhere(), elsewhere.isElsewhere()], [false, true]);
  });
});

test('a connection accepts a limited number of replies and records them', () => {
  const output = new SimStreamOutput(1);
  assert.equal(output.full, false);
  const at = output.room(8);
  output.buffer.u8.set([1, 2, 3], at);
  output.commit(3);
  output.attach(new Uint8Array([4]));
  assert.equal(output.full, true);
  assert.deepEqual([output.take(), output.take()], [new Uint8Array([1, 2, 3, 4]), new Uint8Array(0)]);
  output.room(2);
  assert.throws(() => output.commit(3), PortreeveError);
  assert.throws(() => output.room(1 << 20), PortreeveError);
});
