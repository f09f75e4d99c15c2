// Taking a snapshot of a simulated host, and reporting what could not be read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  archiveOf,
  filesOf,
  openSockets,
  snapshotDeps,
  unreadable,
} from '../../../test/support/doctor/host.ts';
import { registration, socket } from '../../../test/support/doctor/snapshots.ts';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type SnapshotDeps, type SnapshotSettings, takeSnapshot } from './snapshot.ts';

const CHOICES: SnapshotSettings = { omvsJob: undefined, errnoLow: 'EADDRINUSE', bpxprm: undefined };
const gather = (changes: Partial<SnapshotDeps>, settings = CHOICES) =>
  takeSnapshot(snapshotDeps(changes), settings);

test('an empty host has an empty snapshot, and nothing is unknown', async () => {
  const { snapshot, unknown } = await gather({});
  const {
    seen,
    kernel,
    boot,
    services,
    inForce,
    inaddrAny,
    registrations,
    programRanges,
    blacklist,
    trusts,
  } = snapshot;
  assert.deepEqual(seen, { sockets: [], hiddenProcesses: 0 });
  assert.deepEqual(kernel.ephemeral, { first: 32_768, last: 60_999 });
  assert.deepEqual(boot, { ephemeral: undefined, reserved: undefined, unprivilegedStart: undefined });
  assert.deepEqual(services, { entries: [], localFrom: undefined });
  assert.deepEqual(
    [inForce, inaddrAny, registrations, programRanges, blacklist, trusts],
    [undefined, [], [], [], [], []],
  );
  assert.deepEqual(unknown, []);
});

test('reads /etc/services, with the line after which the local entries begin', async () => {
  const text = 'ssh 22/tcp\n\n# Local services\napp 40000/tcp\n';
  const { services } = (await gather({ files: filesOf({ '/etc/services': text }) })).snapshot;
  assert.deepEqual(
    services.entries.map(({ name, line }) => [name, line]),
    [
      ['ssh', 1],
      ['app', 4],
    ],
  );
  assert.equal(services.localFrom, 3);
});

test('reads the names of IANA, and of RPC programs in /etc/rpc', async () => {
  const { snapshot } = await gather({ files: filesOf({ '/etc/rpc': 'myprog 536870913 mine\n' }) });
  assert.ok(snapshot.ianaNames(22, 'tcp').includes('ssh'));
  assert.deepEqual(snapshot.ianaNames(40_031, 'tcp'), []);
  assert.deepEqual(['mine', 'mountd', 'nosuch', '100005'].map(snapshot.programOf), [
    536_870_913,
    100_005,
    undefined,
    undefined,
  ]);
});

test('reads the settings for the next boot, with the lines that set them', async () => {
  const text =
    'net.ipv4.ip_local_port_range = 20000 30000\nnet.ipv4.ip_local_reserved_ports=8080,9000-9001\n' +
    'net.ipv4.ip_unprivileged_port_start = 80\n';
  const { boot } = (await gather({ files: filesOf({ '/etc/sysctl.d/a.conf': text }) })).snapshot;
  assert.deepEqual(boot.ephemeral, {
    value: { first: 20_000, last: 30_000 },
    place: '/etc/sysctl.d/a.conf:1',
  });
  assert.deepEqual(boot.reserved?.value, [
    { first: 8080, last: 8080 },
    { first: 9000, last: 9001 },
  ]);
  assert.deepEqual(boot.unprivilegedStart, { value: 80, place: '/etc/sysctl.d/a.conf:3' });
});

test('reports an invalid value of a setting, and ignores it', async () => {
  const text =
    'net.ipv4.ip_local_port_range = 3 2\nnet.ipv4.ip_local_reserved_ports=x\n' +
    'net.ipv4.ip_unprivileged_port_start = -1\n';
  const { snapshot, unknown } = await gather({ files: filesOf({ '/etc/sysctl.d/a.conf': text }) });
  assert.deepEqual(snapshot.boot, {
    ephemeral: undefined,
    reserved: undefined,
    unprivilegedStart: undefined,
  });
  assert.deepEqual(unknown, [
    '/etc/sysctl.d/a.conf:1: "3 2" is not a valid net.ipv4.ip_local_port_range',
    '/etc/sysctl.d/a.conf:2: "x" is not a valid net.ipv4.ip_local_reserved_ports',
    '/etc/sysctl.d/a.conf:3: "-1" is not a valid net.ipv4.ip_unprivileged_port_start',
  ]);
});

test('reads the blacklist, the exports and the trusted hosts', async () => {
  const files = filesOf({
    '/etc/bindresvport.blacklist': '631 # cups\n',
    '/etc/exports': '/srv *(rw) 192.0.2.1(insecure)\n',
    '/etc/exports.d/a.exports': '/a host(sec=krb5)\n/b host(sec=krb5:sys)\n',
    '/etc/exports.d/a.bak': '/c host\n',
    '/etc/hosts.equiv': '+ bob\n',
  });
  const { snapshot } = await gather({ files, sockets: openSockets([socket('LISTEN tcp [::]:2049', {})]) });
  assert.deepEqual(snapshot.blacklist, [631]);
  assert.deepEqual(
    snapshot.trusts.map(({ kind, place, isServed }) => `${kind} ${place} ${isServed}`),
    ['nfs /etc/exports:1 true', 'nfs /etc/exports.d/a.exports:2 true', 'rhosts /etc/hosts.equiv:1 false'],
  );
});

describe('the profile in force', () => {
  test('has the mode of the guard', async () => {
    const deps = { archive: archiveOf('PORT 80 TCP WEB'), guard: async () => 'observe' as const };
    const { inForce } = (await gather(deps, { ...CHOICES, omvsJob: 'UNIX', errnoLow: 'EACCES' })).snapshot;
    assert.equal(inForce?.profile.reservations.length, 1);
    assert.deepEqual([inForce.guard, inForce.omvsJob, inForce.errnoLow], ['observe', 'UNIX', 'EACCES']);
  });

  test('is available even where the guard cannot be queried', async () => {
    const guard = async () => {
      throw new PortreeveError('FILE_UNREADABLE', 'permission denied:\nmore');
    };
    const { snapshot, unknown } = await gather({ archive: archiveOf('PORT 80 TCP WEB'), guard });
    assert.equal(snapshot.inForce?.guard, undefined);
    assert.equal(snapshot.inForce?.profile.reservations.length, 1);
    assert.deepEqual(unknown, ['the mode of the guard: permission denied']);
  });
});

test('reads the INADDRANY ranges of a BPXPRMxx member', async () => {
  const member = ' NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n INADDRANYPORT(4000) INADDRANYCOUNT(100)\n';
  const files = filesOf({ '/etc/bpxprm00': member });
  const { snapshot } = await gather({ files }, { ...CHOICES, bpxprm: '/etc/bpxprm00' });
  assert.deepEqual(
    snapshot.inaddrAny.map(({ first, last }) => [first, last]),
    [[4000, 4099]],
  );
});

test('has the registrations, or reports why they are unknown', async () => {
  const mountd = registration('mountd 100005 tcp 0.0.0.0:20048');
  assert.deepEqual((await gather({ registrations: async () => [mountd] })).snapshot.registrations, [mountd]);
  const silent = async () => {
    throw new PortreeveError('PORTMAP_SILENT', 'it does not answer');
  };
  const { snapshot, unknown } = await gather({ registrations: silent });
  assert.equal(snapshot.registrations, undefined);
  assert.deepEqual(unknown, ['the registrations with the port mapper: it does not answer']);
});

test('reports files that cannot be read, and reads the others', async () => {
  const paths = ['/etc/exports', '/etc/services', '/etc/sysctl.d/a.conf'];
  const broken = Object.fromEntries(paths.map((path) => [path, unreadable(path)]));
  const { snapshot, unknown } = await gather({ files: filesOf({ ...broken, '/etc/hosts.equiv': 'a\n' }) });
  assert.equal(snapshot.trusts.length, 1);
  assert.deepEqual(
    [...unknown].sort(),
    paths.map((path) => `cannot read ${path}: EACCES`),
  );
});

test('reads for which connections in TIME_WAIT a port can be reused', async () => {
  const usual = { 'net.ipv4.ip_local_port_range': '32768 60999' };
  const cases: [reuse: string | undefined, stamps: string, expected: string][] = [
    ['0', '1', 'none'],
    ['1', '1', 'all'],
    ['2', '1', 'loopback'],
    ['2', '0', 'none'],
    [undefined, '1', 'none'],
  ];
  for (const [reuse, stamps, expected] of cases) {
    const set = reuse === undefined ? {} : { 'net.ipv4.tcp_tw_reuse': reuse };
    const sysctls = new SimSysctls({ ...usual, ...set, 'net.ipv4.tcp_timestamps': stamps });
    assert.equal((await gather({ sysctls })).snapshot.reusesTimeWait, expected);
  }
});

test('reports processes that could not be read only if a socket has no known owner', async () => {
  const known = socket('LISTEN tcp 0.0.0.0:80', {});
  const hidden = socket('LISTEN tcp 0.0.0.0:81', { isHidden: true });
  assert.deepEqual((await gather({ sockets: openSockets([known], 3) })).unknown, []);
  const { unknown } = await gather({ sockets: openSockets([known, hidden], 3) });
  assert.equal(unknown.length, 1);
  assert.match(unknown[0] ?? '', /^the owners of some sockets: 3 processes could not be read$/);
});

test('fails without the settings of the kernel', async () => {
  await assert.rejects(gather({ sysctls: new SimSysctls({}) }), { code: 'SYSCTL_MISSING' });
});

test('fails if the BPXPRMxx member does not exist', async () => {
  await assert.rejects(gather({}, { ...CHOICES, bpxprm: '/etc/nosuch' }), {
    code: 'FILE_MISSING',
    kind: 'usage',
  });
});
