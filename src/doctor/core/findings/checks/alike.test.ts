// What is alike is one finding: the registrations of a program, and what trusts low ports.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registration, snapshot, statd, statdAt } from '../../../../../test/support/doctor/snapshots.ts';
import type { LowPortTrust, Snapshot } from '../snapshot.ts';
import { type Code, examineSnapshot } from './all.ts';

const reported = (code: Code, of: Snapshot) => examineSnapshot(of).filter((each) => each.code === code);

test('a program whose sockets are gone is told once, with all of its ports and versions', () => {
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
  const [{ seen, advice } = { seen: '', advice: '' }] = found;
  assert.match(seen, /^mountd \(program 100005\) is registered at 0\.0\.0\.0:40002\/udp and 2 more places, /);
  const commands = [1, 2, 3].map((version) => `portreeve portmap unset 100005 ${version}`);
  assert.ok(advice.endsWith(`: ${commands.join('; ')}`), advice);
});

test('exports are told once, and apart from hosts that are trusted by a program that listens', () => {
  const trust = (kind: LowPortTrust['kind'], line: number, isServed = true) => {
    return { kind, place: `/etc/x:${line}`, what: 'somebody is let in', isServed };
  };
  const trusts = [
    trust('nfs', 1),
    trust('nfs', 2),
    trust('nfs', 3),
    trust('rhosts', 4),
    trust('rhosts', 5, false),
  ];
  assert.deepEqual(
    reported('LOW_PORT_TRUSTED', snapshot({ trusts })).map(({ severity, seen }) => `${severity} ${seen}`),
    [
      'warning /etc/x:4: somebody is let in',
      'info /etc/x:1: somebody is let in; so it is with 2 more',
      'info /etc/x:5: somebody is let in',
    ],
  );
});
