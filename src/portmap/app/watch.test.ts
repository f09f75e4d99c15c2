/** Tests which registered services are dropped, when, and which never are. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callSet, callUnset, registered } from '../../../test/support/portmap-calls.ts';
import { portmapService, serviceAt } from '../../../test/support/service.ts';
import { simPeer } from '../../../test/support/sim/peer.ts';
import { SimSocketTable } from '../../../test/support/sim/socket-table.ts';
import {
  NEVER_SEEN_MS,
  OBSERVATIONS_APART_MS,
  SWEEP_INTERVAL_MS,
  SWEEP_SLICE_REGISTRATIONS,
} from '../../base/limits.ts';
import type { Registration } from '../core/registrations.ts';
import { socketsOf } from './watch.ts';

const PROGRAM = 0x20000001;
const user = simPeer('local', { uid: 1000 });
const DROPPED = {
  what: 'dropped',
  program: PROGRAM,
  version: 1,
  netid: 'udp',
  address: '0.0.0.0.8.1',
  from: '',
};

/** A UDP service of uid 1000, with its socket. */
function withService() {
  const portmap = portmapService();
  const socket = portmap.sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
  assert.equal(callSet(portmap.service, user, { program: PROGRAM }), true);
  portmap.idle();
  return { ...portmap, socket, count: () => registered(portmap.service).length };
}

describe('a service', () => {
  test('stays while its socket exists', () => {
    const { pass, count, events } = withService();
    pass(10 * NEVER_SEEN_MS);
    assert.deepEqual([count(), events.length], [1, 1]);
  });

  test('is dropped by the second check that misses its socket, and that is reported', () => {
    const { pass, count, events, socket } = withService();
    pass(5000);
    socket.close();
    pass(OBSERVATIONS_APART_MS - 100);
    assert.equal(count(), 1);
    pass(2 * SWEEP_INTERVAL_MS);
    assert.equal(count(), 0);
    assert.deepEqual(events.at(-1), { ...DROPPED, uid: 1000, reason: 'its socket is gone' });
  });

  test('stays if it is restarted within that time', () => {
    const { pass, count, socket, sockets } = withService();
    pass(5000);
    socket.close();
    pass(OBSERVATIONS_APART_MS - 100);
    sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    pass(60_000);
    assert.equal(count(), 1);
  });

  test('is dropped if another user has bound its port', () => {
    const { pass, count, events, socket, sockets } = withService();
    socket.close();
    sockets.open({ netid: 'udp', port: 2049, uid: 1001 });
    pass(10_000);
    assert.equal(count(), 0);
    assert.equal(events.at(-1)?.reason, 'its socket is gone, and uid 1001 now holds the port');
  });

  test('is dropped after 30 seconds if it never had a socket', () => {
    const { service, pass, events } = portmapService();
    callSet(service, user, { program: PROGRAM });
    pass(NEVER_SEEN_MS - 100);
    assert.equal(registered(service).length, 1);
    pass(SWEEP_INTERVAL_MS + 200);
    assert.deepEqual(registered(service), []);
    assert.deepEqual(events.at(-1), { ...DROPPED, uid: 1000, reason: 'it never had a socket' });
  });

  test('stays while its removal cannot be logged', () => {
    const { pass, count, socket, disk } = withService();
    socket.close();
    disk.capacityBytes = 0;
    pass(20_000);
    assert.equal(count(), 1);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    pass(5000);
    assert.equal(count(), 0);
  });
});

describe('a registration that cannot be checked stays', () => {
  test('the port mapper itself, Unix sockets, and services of other network namespaces', () => {
    const { service, pass, portmapper } = portmapService();
    const own = portmapper.report().mappings;
    const foreign = simPeer('local', { uid: 1000, isElsewhere: true });
    assert.ok(callSet(service, foreign, { program: PROGRAM }));
    assert.ok(callSet(service, user, { program: PROGRAM, netid: 'local', uaddr: '/run/x.sock' }));
    assert.ok(callSet(service, user, { program: PROGRAM, version: 2 }));
    assert.deepEqual([portmapper.report().mappings, portmapper.report().foreign], [own + 3, 1]);
    pass(10 * NEVER_SEEN_MS);
    assert.deepEqual(registered(service), [
      `${PROGRAM}/1 udp 0.0.0.0.8.1 1000`,
      `${PROGRAM}/1 local /run/x.sock 1000`,
    ]);
    assert.equal(portmapper.report().mappings, own + 2);
  });
});

test('a registration is checked at its own address, port and transport', () => {
  const sockets = new SimSocketTable();
  const entry: Registration = {
    program: PROGRAM,
    version: 1,
    netid: 'tcp',
    ...serviceAt('tcp', '127.0.0.2.8.1'),
    owner: 0,
    builtIn: false,
  };
  const at = (more: Partial<Registration>) =>
    socketsOf({ ...entry, ...more }, sockets)?.map(({ uid }) => uid);
  sockets.open({ netid: 'tcp', address: '127.0.0.2', port: 2049, uid: 1 });
  sockets.open({ netid: 'tcp', address: '127.0.0.3', port: 2049, uid: 2 });
  sockets.open({ netid: 'udp', port: 2049, uid: 3 });
  sockets.open({ netid: 'tcp6', port: 2049, uid: 4 });
  assert.deepEqual(at({}), [1]);
  assert.deepEqual(at(serviceAt('tcp', '0.0.0.0.8.1')), [1, 2]);
  assert.deepEqual(at(serviceAt('tcp', '127.0.0.4.8.1')), []);
  assert.deepEqual(at(serviceAt('tcp', '127.0.0.2.8.2')), []);
  assert.deepEqual(at({ netid: 'udp', ...serviceAt('udp', '0.0.0.0.8.1') }), [3]);
  assert.deepEqual(at({ netid: 'tcp6', ...serviceAt('tcp6', '::1.8.1') }), [4]);
  sockets.open({ netid: 'tcp6', port: 2049, uid: 5, takesIpv4: true });
  assert.deepEqual(at({}), [1, 5]);
  assert.equal(at({ netid: 'local', ...serviceAt('local', '/run/x') }), undefined);
  assert.equal(at({ builtIn: true }), undefined);
  assert.equal(at({ isElsewhere: true }), undefined);
});

test('a large table is checked slice by slice, also while entries change', () => {
  const { service, pass, clock } = portmapService();
  const count = 3 * SWEEP_SLICE_REGISTRATIONS;
  for (let program = 1; program <= count; program++) callSet(service, user, { program });
  pass(NEVER_SEEN_MS);
  while (registered(service).length === count) pass(100);
  const afterFirst = registered(service).length;
  assert.ok(count - afterFirst <= SWEEP_SLICE_REGISTRATIONS, `${afterFirst} are left`);
  callUnset(service, user, { program: count });
  callSet(service, user, { program: count + 1 });
  pass(SWEEP_INTERVAL_MS + 500);
  assert.deepEqual(registered(service), [`${count + 1}/1 udp 0.0.0.0.8.1 1000`], `at ${clock.monotonic()}`);
});
