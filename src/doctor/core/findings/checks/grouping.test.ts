// Findings that are grouped: the registrations of a program, and services that trust low ports.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registration, snapshot, statd, statdAt } from '../../../../../test/support/doctor/snapshots.ts';
import type { LowPortTrust, Snapshot } from '../snapshot.ts';
import { type Code, examineSnapshot } from './all.ts';

const reported = (code: Code, of: Snapshot) => examineSnapshot(of).filter((each) => each.code === code);

test('reports a program without sockets once, with all of its ports and versions', () => {
  const registrations = [
    { ...registration('mountd 100005 udp 0.0.0.0:40002'), versions: [2] },
    { ...registration('mountd 100005 tcp 0.0.0.0:40001'), versions: [1, 3] },
    { ...registration('mountd 100005 tcp [::]:40001'), versions: [1, 3] },
    statdAt(40_003),
    statdAt(40_004),
  ];
  const found = reported('RPC_SOCKET_GONE', snapshot({ registrations, sockets: [statd(40_003, 1)] }));
  assert.deepEqual(
    found.map(({ ports, protocol }) => [ports.map(({ first }) => first), protocol]),
    [
      [[40_001, 40_002], undefined],
      [[40_004], 'tcp'],
    ],
  );
  const [{ what, advice } = { what: '', advice: '' }] = found;
  assert.match(what, /^mountd \(program 100005\) is registered at 0\.0\.0\.0:40002\/udp and 2 more places, /);
  const commands = [1, 2, 3].map((version) => `portreeve portmap unset 100005 ${version}`);
  assert.ok(advice.endsWith(`: ${commands.join('; ')}`), advice);
});

test('reports exports once, and hosts trusted by a listening program separately', () => {
  const trust = (kind: LowPortTrust['kind'], line: number, isServed = true) => {
    return { kind, place: `/etc/x:${line}`, what: 'access is granted', isServed };
  };
  const trusts = [
    trust('nfs', 1),
    trust('nfs', 2),
    trust('nfs', 3),
    trust('rhosts', 4),
    trust('rhosts', 5, false),
  ];
  assert.deepEqual(
    reported('LOW_PORT_TRUSTED', snapshot({ trusts })).map(({ severity, what }) => `${severity} ${what}`),
    [
      'warning /etc/x:4: access is granted',
      'info /etc/x:1: access is granted, and 2 more like it',
      'info /etc/x:5: access is granted',
    ],
  );
});
