// What suggest answers: which systems are meant, and why a port was passed over, in words.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { OpenSocket, SocketOwner } from '../../base/open-socket.ts';
import { type Iana, loadIana } from '../../names/core/iana.ts';
import { PORT_RANGE, RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { parseServices, ServiceNames } from '../../names/core/services.ts';
import type { NewRevision } from '../../profile/core/archive.ts';
import type { PortRequest } from '../core/suggest.ts';
import { askedSystems, type SuggestDeps, type SuggestReport, suggestPorts } from './suggest.ts';

let iana: Iana;
before(async () => {
  iana = await loadIana();
});

describe('the systems of --stacks', () => {
  const idsOf = (text: string) => {
    const { systems, host } = askedSystems(text);
    return [...systems.map(({ id }) => id), ...(host ? ['host'] : [])];
  };

  test('are those that are named, in the order of the table, with this host', () => {
    assert.deepEqual(idsOf('windows,linux'), ['linux', 'windows', 'host']);
    assert.deepEqual(idsOf(' Darwin , illumos'), ['macos', 'solaris', 'host']);
    assert.deepEqual(idsOf('host'), ['host']);
  });

  test('may be groups, of which some are left out', () => {
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
        () => askedSystems(text),
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
  return suggestPorts({ ...REQUEST, ...request }, askedSystems(stacks), ['tcp', 'udp'], {
    sysctls: new SimSysctls(),
    sockets: { list: () => [], owners: () => ({ owners: new Map(), notSeen: 0 }) },
    archive: new SimProfileArchive(),
    iana,
    services: new ServiceNames([]),
    ...deps,
  });
}

const whyNot = (port: number, deps: Partial<SuggestDeps> = {}, stacks?: string) =>
  ask({ near: port }, deps, stacks).passedOver.find((each) => each.port === port)?.reasons;

describe('a port that was passed over', () => {
  test('is held by whom, in which state, and where', () => {
    const asked: number[] = [];
    const sockets = {
      list: () => [socket(9560), socket(9561, { state: 'TIME_WAIT', inode: 0 })],
      owners: (inodes: ReadonlySet<number>) => {
        asked.push(...inodes);
        return { owners: new Map([[9560, [NGINX]]]), notSeen: 0 };
      },
    };
    assert.deepEqual(whyNot(9560, { sockets }), ['held by nginx, pid 812: tcp LISTEN on 0.0.0.0']);
    assert.deepEqual(whyNot(9561, { sockets }), ['held: tcp TIME_WAIT on 0.0.0.0']);
    assert.deepEqual(new Set(asked), new Set([9560]));
  });

  test('is reserved by a statement, or only kept from clients', () => {
    const archive = new SimProfileArchive();
    archive.append(revision('PORT 9560 TCP WEB\n'), 0);
    assert.deepEqual(whyNot(9560, { archive }), ['reserved for WEB by p:1 (tcp)']);
    const sysctls = new SimSysctls({ [PORT_RANGE]: '32768 60999', [RESERVED_PORTS]: '9560' });
    assert.deepEqual(whyNot(9560, { sysctls }), ['in net.ipv4.ip_local_reserved_ports']);
  });

  test('is called something by IANA, by /etc/services or by browsers', () => {
    assert.deepEqual(whyNot(8080), ['assigned by IANA: http-alt']);
    assert.deepEqual(whyNot(7998), ['kept by IANA (tcp)', 'assigned by IANA: usicontentpush (udp)']);
    assert.deepEqual(whyNot(6669)?.at(-1), 'refused by browsers: ircu');
    const services = new ServiceNames(parseServices('\nours 9560/tcp\n'));
    assert.deepEqual(whyNot(9560, { services }), ['called ours in /etc/services, line 2 (tcp)']);
    const alike = new ServiceNames(parseServices('http-alt 8080/tcp\n'));
    assert.deepEqual(whyNot(8080, { services: alike }), ['assigned by IANA: http-alt']);
  });

  test('is given to clients, by systems and by this host', () => {
    assert.deepEqual(whyNot(45_100, {}, 'linux,aix,-host'), ['given to clients by linux, aix']);
    assert.deepEqual(whyNot(45_100, {}, 'host'), ['given to clients by this host']);
    assert.deepEqual(whyNot(30_100, {}, 'windows'), [
      'assigned by IANA: rwp (tcp)',
      'kept by IANA (udp)',
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

test('what is asked for comes back in words, and with the systems that would give it to clients', () => {
  const { suggestions, systems, host } = ask({}, {}, 'linux');
  assert.deepEqual([systems, host], [['linux'], true]);
  const [port] = suggestions;
  assert.ok(port);
  assert.ok(port.givenBy.includes('openbsd') && !port.givenBy.includes('linux'));
  assert.equal(port.reasons[0], 'no client of linux or of this host is given it');
});

test('a name that has a port is told so', () => {
  const services = new ServiceNames(parseServices('swat 901/tcp\nours 9560/tcp\n'));
  assert.deepEqual(ask({ name: 'ssh' }, { services }).known, ['22/tcp, by IANA', '22/udp, by IANA']);
  assert.deepEqual(ask({ name: 'ours' }, { services }).known, ['9560/tcp, by /etc/services']);
  assert.deepEqual(ask({ name: 'nothing' }, { services }).known, []);
});

test("the guide's advice is counted, not believed", () => {
  const { first, last, ports, assigned, kept, givenBy } = ask({}).advice;
  assert.deepEqual([first, last, ports], [5001, 9999, 4999]);
  let free = 0;
  for (let port = first; port <= last; port++) {
    const rows = [...iana.entries(port, 'tcp'), ...iana.entries(port, 'udp')];
    if (rows.every(({ status }) => status === 'unassigned')) free++;
  }
  assert.equal(assigned + kept, ports - free);
  assert.ok(assigned > 1400 && kept > 0);
  assert.deepEqual(givenBy, ['openbsd', 'zos', 'irix', 'vos-stcp-old', 'ftx-3.3']);
});
