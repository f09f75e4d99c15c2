/** Tests who may register and remove entries, and that every refusal is logged with its caller and reason. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  callGetPort,
  callSet,
  callUnset,
  changeAnswers,
  registered,
} from '../../../test/support/portmap-calls.ts';
import { ip, portmapService } from '../../../test/support/service.ts';
import { simPeer } from '../../../test/support/sim/peer.ts';
import { NETIDS, type NetId } from '../../base/netid.ts';
import type { Peer, SenderRefusal } from '../../base/peer.ts';

const PROGRAM = 0x20000001;
const root = simPeer('local');
const user = simPeer('local', { uid: 1000 });
const other = simPeer('local', { uid: 1001 });

type Portmap = ReturnType<typeof portmapService>;

const set = ({ service }: Portmap, peer: Peer, uaddr = '0.0.0.0.8.1', netid: NetId = 'udp'): boolean =>
  callSet(service, peer, { program: PROGRAM, uaddr, netid });
const unset = ({ service }: Portmap, peer: Peer): boolean => callUnset(service, peer, { program: PROGRAM });
const table = ({ service }: Portmap): string[] => registered(service);

/** Every transport by which a user of this host can call, from a low and from a high port. */
function waysOf(uid: number): { readonly peer: Peer; readonly uid: number }[] {
  return NETIDS.flatMap((netid) =>
    [777, 40_000].map((port) => ({ peer: simPeer(netid, { uid, port }), uid })),
  );
}

describe('another user', () => {
  for (const { peer } of waysOf(1001)) {
    const way = `over ${peer.netid} from port ${peer.port}`;
    test(`${way} neither replaces nor removes an entry`, () => {
      const portmap = portmapService();
      assert.equal(set(portmap, user), true);
      assert.equal(set(portmap, peer, '0.0.0.0.8.2'), false);
      assert.equal(unset(portmap, peer), false);
      assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1000`]);
    });
  }
});

describe('the owner, and root', () => {
  for (const { peer, uid } of [...waysOf(1000), ...waysOf(0)]) {
    test(`uid ${uid} over ${peer.netid} from port ${peer.port} can remove the entry`, () => {
      const portmap = portmapService();
      assert.equal(set(portmap, user), true);
      assert.equal(unset(portmap, peer), true);
      assert.deepEqual(table(portmap), []);
      assert.equal(set(portmap, peer), true);
      assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 ${uid}`]);
    });
  }
});

describe('root over UDP', () => {
  const CASES: readonly [SenderRefusal, RegExp][] = [
    [
      'ROOT_PORT_UNPRIVILEGED',
      /only from a port below net\.ipv4\.ip_unprivileged_port_start; use the Unix socket/,
    ],
    ['ROOT_PORT_NONE', /reserves no port for root; use the Unix socket/],
    ['ROOT_PORT_GRANTED', /from a port that the guard grants to a job; use the Unix socket/],
  ];
  for (const [refused, reason] of CASES) {
    test(`is refused where it is ${refused}, and the log has the remedy`, () => {
      const portmap = portmapService();
      const caller = simPeer('udp', { refused });
      assert.equal(set(portmap, caller), false);
      assert.match(portmap.events.at(-1)?.reason ?? '', reason);
      set(portmap, user);
      assert.equal(unset(portmap, caller), false);
      assert.match(portmap.events.at(-1)?.reason ?? '', reason);
      assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1000`]);
    });
  }
});

test('a change that waited too long is neither made, nor answered, nor logged', () => {
  const portmap = portmapService();
  const { service, events } = portmap;
  assert.deepEqual(changeAnswers(service, simPeer('udp', { refused: 'LATE' }), { program: PROGRAM }), [0, 0]);
  set(portmap, user);
  const before = events.length;
  assert.deepEqual(
    changeAnswers(service, simPeer('udp6', { refused: 'LATE' }), { program: PROGRAM }),
    [0, 0],
  );
  assert.equal(events.length, before);
  assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1000`]);
  assert.ok(changeAnswers(service, user, { program: PROGRAM }).every((length) => length > 0));
});

describe('a caller whose socket cannot be determined', () => {
  const unknown = simPeer('udp', { refused: 'UNKNOWN', port: 777 });

  test('registers nothing', () => {
    const portmap = portmapService();
    assert.equal(set(portmap, unknown), false);
    assert.deepEqual(table(portmap), []);
  });

  test('removes nothing, not even an entry whose owner is unknown', () => {
    const portmap = portmapService();
    set(portmap, user);
    assert.equal(unset(portmap, unknown), false);
    assert.equal(table(portmap).length, 1);
    assert.equal(callGetPort(portmap.service, unknown, PROGRAM), 2049, 'lookups are answered');
  });
});

describe('a port below 1024', () => {
  const cases = [
    ['0.0.0.0.3.255', 'udp', 1023],
    ['::.3.255', 'tcp6', 1023],
    ['0.0.0.0.0.1', 'tcp', 1],
  ] as const;
  for (const [uaddr, netid, port] of cases) {
    test(`(${netid} ${port}) can be registered by root, and by a user who holds a socket on it`, () => {
      const portmap = portmapService();
      assert.equal(set(portmap, user, uaddr, netid), false);
      portmap.sockets.open({ netid, port, uid: 1001 });
      assert.equal(set(portmap, user, uaddr, netid), false);
      const { close } = portmap.sockets.open({ netid, port, uid: 1000 });
      assert.equal(set(portmap, user, uaddr, netid), true);
      close();
      assert.equal(unset(portmap, user), true);
      assert.equal(set(portmap, root, uaddr, netid), true);
    });
  }

  test('cannot be registered by a user of another network namespace, whose sockets are not visible', () => {
    const portmap = portmapService();
    portmap.sockets.open({ netid: 'udp', port: 1023, uid: 1000 });
    const foreign = simPeer('local', { uid: 1000, isElsewhere: true });
    assert.equal(set(portmap, foreign, '0.0.0.0.3.255'), false);
    assert.equal(set(portmap, foreign, '0.0.0.0.4.0'), true);
  });

  test('is a port from 1 to 1023, and not a Unix socket', () => {
    assert.equal(set(portmapService(), user, '0.0.0.0.4.0'), true);
    assert.equal(set(portmapService(), user, '/run/x.sock', 'local'), true);
  });
});

describe('the entry of a service that has ended', () => {
  test('is replaced at once by another user, but not while the service runs', () => {
    const portmap = portmapService();
    const { close } = portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    set(portmap, user);
    portmap.idle();
    assert.equal(set(portmap, other, '0.0.0.0.8.2'), false);
    close();
    portmap.sockets.open({ netid: 'udp', port: 2050, uid: 1001 });
    assert.equal(set(portmap, other, '0.0.0.0.8.2'), true);
    assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.2 1001`]);
    const [dropped, made] = portmap.events.slice(-2);
    assert.deepEqual(
      [dropped?.what, dropped?.uid, dropped?.reason],
      ['dropped', 1000, 'its socket is gone, and a new registration replaces it'],
    );
    assert.deepEqual([made?.what, made?.uid, made?.address], ['set', 1001, '0.0.0.0.8.2']);
  });

  test('is replaced by the user who now holds its port', () => {
    const portmap = portmapService();
    const { close } = portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    set(portmap, user);
    portmap.idle();
    close();
    portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1001 });
    assert.equal(set(portmap, other), true);
    assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1001`]);
  });

  test('is kept for its owner, who restarted the service on the same port', () => {
    const portmap = portmapService();
    const { close } = portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    set(portmap, user);
    portmap.idle();
    close();
    portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    assert.equal(set(portmap, user), true);
    assert.equal(set(portmap, other, '0.0.0.0.8.2'), false);
    assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1000`]);
  });

  test('is kept while its removal cannot be logged', () => {
    const portmap = portmapService();
    const { close } = portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    set(portmap, user);
    portmap.idle();
    close();
    portmap.disk.capacityBytes = 0;
    assert.equal(set(portmap, other, '0.0.0.0.8.2'), false);
    assert.deepEqual(table(portmap), [`${PROGRAM}/1 udp 0.0.0.0.8.1 1000`]);
    assert.deepEqual(
      portmap.events.slice(1).map(({ what, reason }) => [what, reason]),
      [['refused', 'already registered at 0.0.0.0.8.1 by uid 1000']],
    );
  });

  test('is kept while its socket was never seen', () => {
    const portmap = portmapService();
    set(portmap, user);
    assert.equal(set(portmap, other, '0.0.0.0.8.2'), false);
  });
});

describe('a refusal is logged with its caller, entry and reason', () => {
  const at = simPeer('udp', { uid: 1001, port: 777, address: ip('127.0.0.2') });
  const cases: readonly [string, (portmap: Portmap) => unknown, object][] = [
    [
      'when another address is registered',
      (portmap) => set(portmap, at, '0.0.0.0.8.2'),
      { address: '0.0.0.0.8.2', reason: 'already registered at 0.0.0.0.8.1 by uid 1000' },
    ],
    [
      'when the entry belongs to another user',
      (portmap) => unset(portmap, at),
      { address: '0.0.0.0.8.1', reason: 'registered by uid 1000; only its owner or root may change it' },
    ],
    [
      'when the port is below 1024',
      (portmap) => set(portmap, at, '0.0.0.0.3.231', 'tcp'),
      {
        netid: 'tcp',
        address: '0.0.0.0.3.231',
        reason: 'port 999 is below 1024, and uid 1001 holds no socket on it',
      },
    ],
  ];
  for (const [name, ask, expected] of cases) {
    test(name, () => {
      const portmap = portmapService();
      set(portmap, user);
      ask(portmap);
      const common = { what: 'refused', program: PROGRAM, version: 1, netid: 'udp', uid: 1001 };
      assert.deepEqual(portmap.events.at(-1), { ...common, from: '127.0.0.2:777', ...expected });
    });
  }

  test('when the caller is unknown', () => {
    const portmap = portmapService();
    set(portmap, simPeer('tcp6', { refused: 'UNKNOWN', port: 777 }));
    const { uid, from, reason } = portmap.events.at(-1) ?? assert.fail();
    assert.deepEqual(
      [uid, from, reason],
      [
        undefined,
        '[::1]:777',
        'the caller could not be determined: no socket, or more than one, has its address and port',
      ],
    );
  });

  test('when the address is invalid, even if the caller is unknown', () => {
    const portmap = portmapService();
    set(portmap, simPeer('tcp6', { refused: 'UNKNOWN' }), '0.0.0.0.8');
    const { address, reason } = portmap.events.at(-1) ?? assert.fail();
    assert.deepEqual([address, reason], ['0.0.0.0.8', '"0.0.0.0.8" is not an address of udp']);
  });

  test('when the log cannot be written', () => {
    const portmap = portmapService();
    portmap.disk.capacityBytes = 0;
    assert.equal(set(portmap, root), false);
    const { uid, reason } = portmap.events.at(-1) ?? assert.fail();
    assert.deepEqual([uid, reason], [0, 'the log cannot be written (ENOSPC)']);
  });
});
