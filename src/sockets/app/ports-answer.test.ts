// Lists of sockets: the table, the records, their order, filtering by owner, and port names.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip } from '../../../test/support/service.ts';
import { SimOpenSockets } from '../../../test/support/sim/open-sockets.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { OpenSocket, SocketOwner } from '../../base/open-socket.ts';
import { reservedPorts } from '../../profile/app/reserved.ts';
import { type NameDeps, portNames } from './port-names.ts';
import type { PortRecord } from './port-records.ts';
import { isOwnedBy, namesBy, type PortsDeps, portsRecords, portsTable } from './ports-answer.ts';
import type { PortsQuery } from './ports-query.ts';

const FILES: Readonly<Record<string, string>> = {
  '/etc/passwd': 'root:x:0:0::/:\nalice:x:1000:1000::/:\n',
  '/etc/services': 'http 80/tcp www\ndomain 53/udp\n',
};
const ALL: PortsQuery = { which: 'all', ports: [], owner: undefined };
const PLAIN = { width: undefined, isBold: false } as const;

function fixture(names: Partial<NameDeps> = {}) {
  const sockets = new SimOpenSockets();
  const files = { readText: (path: string) => FILES[path], names: () => [] };
  const deps: PortsDeps = {
    ...{ sockets, files, cgroups: undefined },
    names: namesBy({ files, registrations: async () => [], reservations: async () => undefined, ...names }),
    interfaceName: (index) => (index === 2 ? 'eth0' : undefined),
  };
  const open = (address: string, port: number, about: Partial<OpenSocket> = {}, ...owners: SocketOwner[]) =>
    sockets.open({ local: { address: ip(address), port }, ...about }, ...owners);
  return { sockets, deps, open };
}

const web = (pid: number): SocketOwner => ({
  ...{ pid, startTicks: pid, name: 'web', command: 'web -p 80', uid: 0, cgroup: '/web' },
});

test('prints a line for each socket, sorted by port, and omits empty columns', async () => {
  const { deps, open } = fixture();
  open('::', 8080, {}, web(3));
  open('127.0.0.2', 80, {}, web(1));
  open('127.0.0.1', 80, {}, web(1), web(2), web(4), web(5));
  open('fe80::1', 80, { interfaceIndex: 2, uid: 1000 });
  open('fe80::1', 80, { protocol: 'udp', state: 'UNCONNECTED', interfaceIndex: 3, uid: 4711 });
  const { table, ...summary } = await portsTable(deps, { ...ALL, which: 'holding' }, PLAIN);
  assert.deepEqual(table.split('\n'), [
    'PROTOCOL  ADDRESS       PORT  STATE        OWNER                          NAME',
    'tcp       127.0.0.1       80  LISTEN       web (pids 1, 2, 4 and 1 more)  http',
    'tcp       127.0.0.2       80  LISTEN       web (pid 1)                    http',
    'tcp       fe80::1%eth0    80  LISTEN       unknown (user alice)           http',
    'udp       fe80::1%3       80  UNCONNECTED  unknown (uid 4711)',
    'tcp       *             8080  LISTEN       web (pid 3)',
    '',
  ]);
  assert.deepEqual(summary, { shown: 5, hiddenOwners: 2, hiddenProcesses: 0, problems: [] });
});

test('with --all prints remote addresses and the remaining time in TIME_WAIT', async () => {
  const { deps, open } = fixture();
  const remote = { address: ip('192.0.2.7'), port: 443 };
  open('::', 9000, { v6Only: true }, web(1));
  open('192.0.2.1', 9000, { state: 'ESTABLISHED', remote }, web(1));
  open('192.0.2.1', 9001, { state: 'TIME_WAIT', remote, uid: undefined, inode: 0, expiresMs: 42_001 });
  const { table, hiddenOwners } = await portsTable(deps, ALL, PLAIN);
  assert.deepEqual(table.split('\n').slice(1, -1), [
    'tcp       ::         9000  LISTEN                         web (pid 1)',
    'tcp       192.0.2.1  9000  ESTABLISHED     192.0.2.7:443  web (pid 1)',
    'tcp       192.0.2.1  9001  TIME_WAIT 43 s  192.0.2.7:443',
  ]);
  assert.equal(hiddenOwners, 0, 'a socket in TIME_WAIT has no owner');
});

test('the table is empty if there are no sockets', async () => {
  const { deps } = fixture();
  const { table, shown } = await portsTable(deps, ALL, PLAIN);
  assert.deepEqual([table, shown], ['', 0]);
});

test('a record has every field', async () => {
  const { deps, open } = fixture();
  const { inode } = open('127.0.0.1', 80, {}, web(7));
  const { ports } = await portsRecords(deps, ALL);
  assert.deepEqual(ports, [
    {
      ...{ protocol: 'tcp', address: '127.0.0.1', port: 80, state: 'LISTEN', remote: null, v6Only: false },
      ...{
        interface: 0,
        inode,
        uid: 0,
        user: 'root',
        unit: null,
        container: null,
        forwardsTo: null,
        job: 'ROOT',
      },
      ...{ expiresMs: null, owners: [web(7)], name: 'http', programs: [], reservations: [] },
    },
  ]);
});

describe('an owner', () => {
  const record: PortRecord = {
    ...{
      protocol: 'tcp',
      address: '::',
      port: 1,
      state: 'LISTEN',
      remote: null,
      v6Only: false,
      interface: 0,
    },
    ...{ inode: 1, uid: 1000, user: 'alice', unit: 'nginx.service', forwardsTo: null, job: 'NGINX' },
    ...{ container: { runtime: 'docker', id: '0123456789ab' }, expiresMs: null },
    owners: [{ pid: 812, name: 'nginx-worker' }],
  };
  for (const word of ['812', 'nginx-worker', 'alice', 'uid 1000', 'nginx.service', 'nginx', 'NGINX']) {
    test(`is named by ${word}`, () => assert.ok(isOwnedBy(record, word)));
  }
  for (const word of ['0123456789ab', '0123', '0123456789abcdef']) {
    test(`is named by the container ${word}`, () => assert.ok(isOwnedBy(record, word)));
  }
  for (const word of ['', '81', 'Alice', '1000', 'nginx.socket', '0123456789ac', '123456789ab', 'docker']) {
    test(`is not named by "${word}"`, () => assert.ok(!isOwnedBy(record, word)));
  }

  test('filters the records', async () => {
    const { deps, open } = fixture();
    open('::1', 80, {}, web(1));
    open('::1', 81, {}, web(2));
    const { ports } = await portsRecords(deps, { ...ALL, owner: '2' });
    assert.deepEqual(
      ports.map(({ port }) => port),
      [81],
    );
  });
});

describe('names', () => {
  test('come from /etc/services, the port mapper, and the profile in force', async () => {
    const archive = new SimProfileArchive();
    const text = 'PORT 80 TCP WEB\n 80 TCP OTHER\n 53 UDP RESERVED\nPORTRANGE 4000 10 TCP RANGE\n';
    archive.append(
      {
        ...{ timeMs: 0, uid: 0, user: 'root', verb: 'apply', again: undefined, racf: undefined },
        texts: [{ path: 'profile', text }],
        options: { zosNames: false, keepGoing: false, tcpname: 'TCPIP', symbols: {} },
      },
      0,
    );
    const names = await portNames({
      files: { readText: (path) => FILES[path] },
      reservations: async () => reservedPorts(archive),
      registrations: async () => [
        { program: 100003, name: 'nfs', port: 2049, protocol: 'tcp' },
        { program: 100003, name: 'nfs', port: 2049, protocol: 'tcp' },
        { program: 100227, name: undefined, port: 2049, protocol: 'tcp' },
      ],
    });
    assert.deepEqual([names.nameOf(80, 'tcp'), names.nameOf(80, 'udp')], ['http', undefined]);
    assert.deepEqual(names.programsOf(2049, 'tcp'), ['nfs', '100227']);
    assert.deepEqual(names.programsOf(2049, 'udp'), []);
    const reserved = (port: number, protocol: 'tcp' | 'udp') =>
      names.reservationsOf(port, protocol).map(({ jobname, rule }) => `${jobname} ${rule.line}`);
    assert.deepEqual(reserved(80, 'tcp'), ['WEB 1', 'OTHER 2']);
    assert.deepEqual([reserved(53, 'udp'), reserved(53, 'tcp')], [['RESERVED 3'], []]);
    assert.deepEqual(
      [3999, 4000, 4009, 4010].map((port) => reserved(port, 'tcp').length),
      [0, 1, 1, 0],
    );
  });

  test('from other sources are shown if one source fails, and the failure is reported', async () => {
    const cannot = async () => {
      throw new PortreeveError('PORTMAP_SILENT', 'no answer');
    };
    const { deps, open } = fixture({ registrations: cannot });
    open('::1', 80, {}, web(1));
    const { ports, problems } = await portsRecords(deps, ALL);
    assert.deepEqual([ports[0]?.name, problems], ['http', ['no answer']]);
    const broken = async () => {
      throw new TypeError('a bug');
    };
    await assert.rejects(portsRecords(fixture({ reservations: broken }).deps, ALL), TypeError);
  });
});
