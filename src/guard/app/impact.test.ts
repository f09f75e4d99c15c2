// Which open sockets a change of the rules affects, depending on when they were bound, their owner, and their cgroup.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { simHost } from '../../../test/support/sim/host.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { carryOut, planApply } from '../../profile/app/apply.ts';
import { type InForce, profileAfter, profileInForce } from '../../profile/app/in-force.ts';
import type { OpenSocketQuery } from '../../sockets/core/open-sockets.ts';
import type { ListedSocket } from '../../sockets/core/socket-snapshot.ts';
import { type Epoch, epochsSince, type ImpactDeps, impactsOf } from './impact.ts';

const CHOICES = { authportJobs: [], omvsJob: undefined, errno: 'EACCES', errnoLow: 'EADDRINUSE' } as const;
const WILDCARD = { family: 4, bytes: new Uint8Array(4) } as const;

/** A listening socket of a job; `second` is when its process started, in seconds after boot. */
function listening(port: number, job: string, second?: number, cgroupId = 1n): ListedSocket {
  const owner = { pid: port, name: 'server', command: 'server', uid: 1000, cgroup: undefined };
  return {
    socket: {
      protocol: 'tcp',
      state: 'LISTEN',
      local: { address: WILDCARD, port },
      remote: undefined,
      v6Only: false,
      interfaceIndex: 0,
      uid: 1000,
      inode: port,
      cgroupId,
      expiresMs: undefined,
    },
    owners: second === undefined ? [] : [{ ...owner, startTicks: second * 100 }],
    user: 'alice',
    unit: undefined,
    container: undefined,
    forwardsTo: undefined,
    job,
  };
}

function setup() {
  const host = simHost({
    uid: 0,
    files: { '/etc/passwd': 'alice:x:1000:100::/:/bin/sh\n', '/etc/group': 'staff:x:50:alice\n' },
  });
  const archive = new SimProfileArchive();
  const bootMs = host.clock.now();
  const request: OpenSocketQuery[] = [];
  const cgroups = new Map([
    [1n, '/'],
    [2n, '/part'],
    [3n, '/part/of'],
    [4n, '/party'],
  ]);
  const deps = (sockets: readonly ListedSocket[], hiddenProcesses = 0): ImpactDeps => ({
    readSockets: (query) => {
      request.push(query);
      return { sockets: sockets.filter(({ socket }) => socket.protocol === query.protocol), hiddenProcesses };
    },
    cgroupPath: (id) => cgroups.get(id),
    sysctls: new SimSysctls(),
    files: host.files,
    bootMs,
  });
  /** Applies a text this many seconds after boot. */
  const apply = (second: number, text: string, racf?: string): InForce => {
    host.clock.advance(bootMs + second * 1000 - host.clock.now());
    host.files.write('/etc/p', text);
    const at = { files: host.files, archive, clock: host.clock, uid: 0 };
    const plan = planApply(at, {
      verb: 'apply',
      path: '/etc/p',
      reading: { zosNames: false, symbols: { SYSNAME: 'SYS1' } },
      keepGoing: false,
      tcpname: 'TCPIP',
      racf: undefined,
    });
    const texts = racf === undefined ? undefined : { path: '/etc/racf', text: racf };
    carryOut(at, { ...plan, revision: { ...plan.revision, racf: texts } });
    return profileInForce(archive);
  };
  return { archive, apply, deps, bootMs, request };
}

/** "80 refused", sorted by port. */
function fates(
  deps: ImpactDeps,
  after: InForce,
  epochs: readonly Epoch[],
  { before, cgroupId }: { readonly before?: InForce; readonly cgroupId?: bigint } = {},
): string[] {
  const { affected } = impactsOf(deps, { before, after, epochs, cgroupId }, CHOICES);
  return affected.map(({ seen, effect }) => `${seen.socket.local.port} ${effect}`);
}

describe('the rules under which a server was bound depend on when it started', () => {
  const [PLAIN, SHARED] = ['PORTRANGE 4000 10 TCP WEB', 'PORT 4000 TCP WEB SHAREPORT 4001 TCP WEB SHAREPORT'];

  test('and a restarted server is no longer listed', () => {
    const { archive, apply, deps, bootMs } = setup();
    apply(10, PLAIN);
    const now = apply(20, SHARED);
    const epochs = epochsSince(archive, bootMs);
    const sockets = [listening(4000, 'WEB', 15), listening(4001, 'WEB', 25)];
    assert.deepEqual(fates(deps(sockets), now, epochs), ['4000 restart']);
  });

  test('before the guard enforced, nothing was granted', () => {
    const { archive, apply, deps, bootMs } = setup();
    const now = apply(10, SHARED);
    const sockets = [listening(4000, 'WEB', 15), listening(4001, 'WEB', 25)];
    assert.deepEqual(fates(deps(sockets), now, epochsSince(archive, bootMs + 20_000)), ['4000 restart']);
    assert.deepEqual(fates(deps(sockets), now, []), ['4000 restart', '4001 restart']);
  });

  test('without a visible process nothing is assumed', () => {
    const { archive, apply, deps, bootMs } = setup();
    apply(10, SHARED);
    const now = apply(20, 'PORT 4000 TCP WEB SHAREPORT 4001 TCP OTHER');
    const sockets = [listening(4000, 'WEB'), listening(4001, 'WEB')];
    assert.deepEqual(fates(deps(sockets), now, epochsSince(archive, bootMs)), ['4001 refused']);
  });

  test('a revision that was applied again is what it was', () => {
    const { archive, apply, deps, bootMs } = setup();
    apply(10, SHARED);
    apply(20, PLAIN);
    const now = apply(30, SHARED);
    const epochs = epochsSince(archive, bootMs);
    assert.deepEqual(
      epochs.map(({ fromMs, revision }) => [(fromMs - bootMs) / 1000, revision]),
      [
        [10, 1],
        [20, 2],
        [30, 3],
      ],
    );
    const sockets = [listening(4000, 'WEB', 15), listening(4001, 'WEB', 25)];
    assert.deepEqual(fates(deps(sockets), now, epochs), ['4001 restart']);
    const { profile } = profileAfter(archive, 1);
    assert.equal(epochs[0]?.rules().profile.reservations.length, profile.reservations.length);
  });
});

test('an epoch starts with the guard, with the revision at that time', () => {
  const { archive, apply, bootMs } = setup();
  for (const second of [10, 20, 30]) apply(second, 'PORT 1 TCP WEB');
  const epochs = epochsSince(archive, bootMs + 25_000);
  assert.deepEqual(
    epochs.map(({ fromMs, revision }) => [(fromMs - bootMs) / 1000, revision]),
    [
      [25, 2],
      [30, 3],
    ],
  );
  assert.deepEqual(epochsSince(new SimProfileArchive(), bootMs), []);
});

test('a refusal shows whether it was one before', () => {
  const { apply, deps } = setup();
  const before = apply(10, 'PORT 4000 TCP OTHER');
  const after = apply(20, 'PORT 4000 TCP OTHER 4001 TCP OTHER');
  const sockets = [listening(4001, 'WEB', 5), listening(4000, 'WEB', 5), listening(4001, 'OTHER', 5)];
  const change = { before, after, epochs: [], cgroupId: undefined };
  const impacts = impactsOf(deps(sockets, 3), change, CHOICES);
  assert.deepEqual(
    impacts.affected.map(({ seen, before: past }) => [seen.socket.local.port, past?.allowed]),
    [
      [4000, false],
      [4001, true],
    ],
  );
  const { refused, restart, kept, hiddenProcesses } = impacts;
  assert.deepEqual([refused, restart, kept, hiddenProcesses], [2, 0, 1, 3]);
});

test('SAF is checked with the groups of the user', () => {
  const { apply, deps } = setup();
  const permitted = (id: string) =>
    `RDEFINE SERVAUTH EZB.PORTACCESS.SYS1.TCPIP.RES UACC(NONE)\n` +
    `PERMIT EZB.PORTACCESS.SYS1.TCPIP.RES CLASS(SERVAUTH) ID(${id}) ACCESS(READ)\n`;
  const sockets = deps([listening(4000, 'WEB', 5)]);
  const text = 'PORT 4000 TCP WEB SAF RES';
  assert.deepEqual(fates(sockets, apply(10, text, permitted('STAFF')), []), []);
  assert.deepEqual(fates(sockets, apply(20, text, permitted('BOB')), []), ['4000 refused']);
  assert.deepEqual(fates(sockets, apply(30, text), []), ['4000 refused']);
});

test('the guard of a cgroup judges the sockets that were created in it and below', () => {
  const { apply, deps } = setup();
  const after = apply(10, 'PORTRANGE 4000 10 TCP OTHER');
  const sockets = deps([1n, 2n, 3n, 4n, 5n].map((id, at) => listening(4000 + at, 'WEB', 5, id)));
  const all = ['4000 refused', '4001 refused', '4002 refused', '4003 refused', '4004 refused'];
  assert.deepEqual(fates(sockets, after, []), all);
  assert.deepEqual(fates(sockets, after, [], { cgroupId: 1n }), all);
  assert.deepEqual(fates(sockets, after, [], { cgroupId: 2n }), ['4001 refused', '4002 refused']);
  assert.deepEqual(fates(sockets, after, [], { cgroupId: 9n }), []);
});

test('TCP connections are not queried', () => {
  const { apply, deps, request } = setup();
  fates(deps([]), apply(10, 'PORT 1 TCP WEB'), []);
  assert.deepEqual(request, [{ protocol: 'tcp', states: ['LISTEN', 'BOUND'] }, { protocol: 'udp' }]);
});
