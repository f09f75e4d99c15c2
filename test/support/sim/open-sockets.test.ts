// Tests of the simulated sockets: owners, visibility, and removal with the last owner.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SocketOwner } from '../../../src/base/open-socket.ts';
import { ip } from '../service.ts';
import { SimOpenSockets } from './open-sockets.ts';

const owner = (pid: number, startTicks: number, uid = 0): SocketOwner => ({
  ...{ pid, startTicks, uid, name: 'web', command: 'web', cgroup: '/' },
});
const local = { address: ip('127.0.0.1'), port: 80 };

test('a socket is listed while it has an owner, by protocol, state and port', () => {
  const sockets = new SimOpenSockets();
  const socket = sockets.open({ local }, owner(7, 1));
  sockets.pass(socket, owner(8, 2));
  assert.deepEqual(sockets.list(), [socket]);
  assert.deepEqual(sockets.list({ protocol: 'tcp', states: ['LISTEN'], port: 80 }), [socket]);
  for (const query of [{ protocol: 'udp' }, { states: ['BOUND'] }, { port: 81 }] as const) {
    assert.deepEqual(sockets.list(query), []);
  }
  sockets.close(socket, { pid: 7 });
  assert.deepEqual(sockets.list(), [socket]);
  sockets.close(socket, { pid: 8 });
  assert.deepEqual(sockets.list(), []);
});

test('owners are listed oldest first, and those of invisible users are counted', () => {
  const sockets = new SimOpenSockets();
  const socket = sockets.open({ local }, owner(7, 5), owner(8, 2), owner(9, 3, 1000));
  const inodes = new Set([socket.inode]);
  const pids = () =>
    sockets
      .owners(inodes)
      .owners.get(socket.inode)
      ?.map(({ pid }) => pid);
  assert.deepEqual([pids(), sockets.owners(inodes).hiddenProcesses], [[8, 9, 7], 0]);
  sockets.closedUsers.add(0);
  assert.deepEqual([pids(), sockets.owners(inodes).hiddenProcesses], [[9], 2]);
  assert.equal(sockets.owners(new Set()).owners.size, 0);
});

test('the same seed gives the same inodes', () => {
  const inodes = (seed: number) => {
    const sockets = new SimOpenSockets(seed);
    return [1, 2, 3].map(() => sockets.open({ local }).inode);
  };
  assert.deepEqual(inodes(4), inodes(4));
  assert.notDeepEqual(inodes(4), inodes(5));
});

test('a socket without owners has no inode, and a cgroup has a path if it is known', () => {
  const sockets = new SimOpenSockets();
  sockets.open({ local, inode: 0, uid: undefined, state: 'TIME_WAIT', expiresMs: 5 });
  sockets.addCgroup(7n, '/system.slice');
  assert.deepEqual(
    sockets.list().map(({ inode }) => inode),
    [0],
  );
  assert.deepEqual([sockets.cgroupPath(7n), sockets.cgroupPath(8n)], ['/system.slice', undefined]);
});
