// The report of suggest: selected systems, and the reasons why ports were skipped.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { OpenSocket, SocketOwner } from '../../base/open-socket.ts';
import { loadIana } from '../../names/commands/deps.ts';
import type { Iana } from '../../names/core/iana.ts';
import { PORT_RANGE, RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { parseServices, ServiceNames } from '../../names/core/services.ts';
import type { NewRevision } from '../../profile/core/archive.ts';
import type { PortRequest } from '../core/suggest.ts';
import { parseSystems, type SuggestDeps, type SuggestReport, suggestPorts } from './suggest.ts';

let iana: Iana;
before(async () => {
  iana = await loadIana();
});

describe('the systems of --stacks', () => {
  const idsOf = (text: string) => {
    const { systems, host } = parseSystems(text);
    return [...systems.map(({ id }) => id), ...(host ? ['host'] : [])];
  };

  test('are the named ones in the order of the table, and this host', () => {
    assert.deepEqual(idsOf('windows,linux'), ['linux', 'windows', 'host']);
    assert.deepEqual(idsOf(' Darwin , illumos'), ['macos', 'solaris', 'host']);
    assert.deepEqual(idsOf('host'), ['host']);
  });

  test('may be groups, with exclusions', () => {
    assert.ok(idsOf('all').length > idsOf('today').length);
    assert.ok(!idsOf('all,-irix,-host').includes('irix'));
    assert.ok(!idsOf('all,-irix,-host').includes('host'));
    assert.deepEqual(idsOf('-freebsd'), idsOf('today,-freebsd'));
    assert.ok(idsOf('-freebsd,freebsd').includes('freebsd'));
  });

  const wrong: readonly [string, string, RegExp][] = [
    ['lunix', 'STACK_UNKNOWN', /"linux"/],
    ['linux,,windows', 'STACK_UNKNOWN', /portreeve stacks/],
    ['', 'STACK_UNKNOWN', /portreeve stacks/],
    ['linux,-linux,-host', 'STACKS_EMPTY', /Name a system/],
  ];
  for (const [text, code, hint] of wrong) {
    test(`"${text}" is refused`, () => {
      assert.throws(
        () => parseSystems(text),
        (thrown) => thrown instanceof PortreeveError && thrown.code === code && hint.test(thrown.hint),
      );
    });
  }
});

const NGINX: SocketOwner = {
  pid: 812,
  startTicks: 1,
  name: 'nginx',
  command: 'nginx',
  uid: 0,
  cgroup: undefined,
};

function socket(port: number, changes: Partial<OpenSocket> = {}): OpenSocket {
  return {
    protocol: 'tcp',
    state: 'LISTEN',
    local: { address: parseIp('0.0.0.0') ?? assert.fail(), port },
    remote: undefined,
    v6Only: false,
    interfaceIndex: 0,
    uid: 0,
    inode: port,
    cgroupId: undefined,
    expiresMs: undefined,
    ...changes,
  };
}

const REQUEST: PortRequest = { count: 1, size: 1, near: undefined, name: undefined };

function ask(
  request: Partial<PortRequest>,
  deps: Partial<SuggestDeps> = {},
  stacks = 'linux,-host',
): SuggestReport {
  return suggestPorts({ ...REQUEST, ...request }, parseSystems(stacks), ['tcp', 'udp'], {
    sysctls: new SimSysctls(),
    sockets: { list: () => [], owners: () => ({ owners: new Map(), hiddenProcesses: 0 }) },
    archive: new SimProfileArchive(),
    iana,
    services: new ServiceNames([]),
    ...deps,
  });
}

const skipReasons = (port: number, deps: Partial<SuggestDeps> = {}, stacks?: string) =>
  ask({ near: port }, deps, stacks).skipped.find((each) => each.port === port)?.reasons;

describe('a port is skipped', () => {
  test('if it is in use, with owner, state, and address', () => {
    const queried: number[] = [];
    const sockets = {
      list: () => [socket(9560), socket(9561, { state: 'TIME_WAIT', inode: 0 })],
      owners: (inodes: ReadonlySet<number>) => {
        queried.push(...inodes);
        return { owners: new Map([[9560, [NGINX]]]), hiddenProcesses: 0 };
      },
    };
    assert.deepEqual(skipReasons(9560, { sockets }), ['in use by nginx (pid 812): tcp LISTEN on 0.0.0.0']);
    assert.deepEqual(skipReasons(9561, { sockets }), ['in use: tcp TIME_WAIT on 0.0.0.0']);
    assert.deepEqual(new Set(queried), new Set([9560]));
  });

  test('if it is reserved by a statement or in the kernel', () => {
    const archive = new SimProfileArchive();
    archive.append(revision('PORT 9560 TCP WEB\n'), 0);
    assert.deepEqual(skipReasons(9560, { archive }), ['reserved for WEB by p:1 (tcp)']);
    const sysctls = new SimSysctls({ [PORT_RANGE]: '32768 60999', [RESERVED_PORTS]: '9560' });
    assert.deepEqual(skipReasons(9560, { sysctls }), ['in net.ipv4.ip_local_reserved_ports']);
  });

  test('if it is assigned by IANA, named in /etc/services, or blocked by browsers', () => {
    assert.deepEqual(skipReasons(8080), ['assigned by IANA: http-alt']);
    assert.deepEqual(skipReasons(7998), ['reserved by IANA (tcp)', 'assigned by IANA: usicontentpush (udp)']);
    assert.deepEqual(skipReasons(6669)?.at(-1), 'blocked by browsers: ircu');
    const services = new ServiceNames(parseServices('\nlocal 9560/tcp\n'));
    assert.deepEqual(skipReasons(9560, { services }), ['named local at /etc/services:2 (tcp)']);
    const sameName = new ServiceNames(parseServices('http-alt 8080/tcp\n'));
    assert.deepEqual(skipReasons(8080, { services: sameName }), ['assigned by IANA: http-alt']);
  });

  test('if it is in an ephemeral range or a default range', () => {
    assert.deepEqual(skipReasons(45_100, {}, 'linux,aix,-host'), ['in the ephemeral range of linux, aix']);
    assert.deepEqual(skipReasons(45_100, {}, 'host'), ['in the ephemeral range of this host']);
    assert.deepEqual(skipReasons(30_100, {}, 'windows'), [
      'assigned by IANA: rwp (tcp)',
      'reserved by IANA (udp)',
      'one of the dynamic ports of Nomad',
      'one of the NodePorts of Kubernetes',
    ]);
  });
});

function revision(text: string): NewRevision {
  return {
    timeMs: 0,
    uid: 0,
    user: undefined,
    verb: 'apply',
    again: undefined,
    texts: [{ path: 'p', text }],
    racf: undefined,
    options: { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' },
  };
}

test('reports the selected systems, and others in whose ephemeral range the port is', () => {
  const { suggestions, systems, host } = ask({}, {}, 'linux');
  assert.deepEqual([systems, host], [['linux'], true]);
  const [port] = suggestions;
  assert.ok(port);
  assert.ok(port.ephemeralOn.includes('openbsd') && !port.ephemeralOn.includes('linux'));
  assert.equal(port.reasons[0], 'not in the ephemeral range of linux or this host');
});

test('reports the ports that already have the name', () => {
  const services = new ServiceNames(parseServices('swat 901/tcp\nlocal 9560/tcp\n'));
  assert.deepEqual(ask({ name: 'ssh' }, { services }).existing, ['22/tcp (IANA)', '22/udp (IANA)']);
  assert.deepEqual(ask({ name: 'local' }, { services }).existing, ['9560/tcp (/etc/services)']);
  assert.deepEqual(ask({ name: 'nothing' }, { services }).existing, []);
});

test('counts the ports that are not free in the range that the guide recommends', () => {
  const { first, last, ports, assigned, reserved, ephemeralOn } = ask({}).advice;
  assert.deepEqual([first, last, ports], [5001, 9999, 4999]);
  let free = 0;
  for (let port = first; port <= last; port++) {
    const rows = [...iana.entries(port, 'tcp'), ...iana.entries(port, 'udp')];
    if (rows.every(({ status }) => status === 'unassigned')) free++;
  }
  assert.equal(assigned + reserved, ports - free);
  assert.ok(assigned > 1400 && reserved > 0);
  assert.deepEqual(ephemeralOn, ['openbsd', 'zos', 'irix', 'vos-stcp-old', 'ftx-3.3']);
});
