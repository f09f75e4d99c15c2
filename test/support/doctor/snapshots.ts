/** Snapshots for the tests of the doctor: a plain Debian host, and functions that modify it. */

import assert from 'node:assert/strict';
import { parseIp } from '../../../src/base/address.ts';
import type { OpenSocket, SocketEnd, SocketState } from '../../../src/base/open-socket.ts';
import { isPort, PORT_MAX, type PortRange, type Protocol, parseDecimal } from '../../../src/base/port.ts';
import type { Snapshot } from '../../../src/doctor/core/findings/snapshot.ts';
import type { ConfiguredRange } from '../../../src/names/core/default-ranges.ts';
import { RpcNames } from '../../../src/names/core/rpc-programs.ts';
import { parseServices } from '../../../src/names/core/services.ts';
import type { RegisteredProgram } from '../../../src/portmap/core/registered-program.ts';
import { buildProfile } from '../../../src/profile/core/build.ts';
import type { Profile } from '../../../src/profile/core/rules.ts';
import { parseBpxprm } from '../../../src/profile/text/bpxprm.ts';
import { parseProfile } from '../../../src/profile/text/parse.ts';
import type { ListedSocket } from '../../../src/sockets/core/socket-snapshot.ts';

/** "192.0.2.7:80", "[::1]:80" */
export function end(text: string): SocketEnd {
  const [, v6, v4, digits = ''] = /^(?:\[(.*)\]|(.*)):([0-9]+)$/.exec(text) ?? [];
  const address = parseIp(v6 ?? v4 ?? '');
  const port = parseDecimal(digits, PORT_MAX);
  assert.ok(address && port !== undefined, text);
  return { address, port };
}

/** Properties of a test socket; the others have defaults. */
export interface SocketOptions {
  readonly to?: string;
  readonly name?: string;
  readonly command?: string;
  readonly pid?: number;
  readonly uid?: number;
  readonly user?: string;
  readonly unit?: string;
  readonly job?: string;
  readonly startTicks?: number;
  readonly v6Only?: boolean;
  readonly expiresMs?: number;
  readonly forwardsTo?: string;
  /** The owner is unknown. */
  readonly isHidden?: boolean;
}

let inodes = 1000;

/** A socket such as "LISTEN tcp 0.0.0.0:80", and its owner; a socket in TIME_WAIT has none. */
export function socket(text: string, options: SocketOptions = {}): ListedSocket {
  const [state = '', protocol = '', where = ''] = text.split(' ');
  const isClosed = state === 'TIME_WAIT';
  const { name = 'server', pid = 500, uid = 0, job = name.toUpperCase(), startTicks = 5000 } = options;
  const open: OpenSocket = {
    protocol: protocol as Protocol,
    state: state as SocketState,
    local: end(where),
    remote: options.to === undefined ? undefined : end(options.to),
    v6Only: options.v6Only ?? where.startsWith('['),
    interfaceIndex: 0,
    uid: isClosed ? undefined : uid,
    inode: isClosed ? 0 : inodes++,
    cgroupId: undefined,
    expiresMs: options.expiresMs,
  };
  const owner = {
    pid,
    startTicks,
    name,
    command: options.command ?? `/usr/sbin/${name}`,
    uid,
    cgroup: undefined,
  };
  return {
    socket: open,
    owners: isClosed || options.isHidden ? [] : [owner],
    user: options.user,
    unit: options.unit,
    container: undefined,
    forwardsTo: options.forwardsTo === undefined ? undefined : end(options.forwardsTo),
    job: isClosed ? 'UNKNOWN' : job,
  };
}

/** The sockets of a Debian host in its default configuration, with a printer and mail. */
export const PLAIN_SOCKETS: readonly ListedSocket[] = [
  socket('LISTEN tcp 0.0.0.0:22', { name: 'sshd', unit: 'ssh.service', pid: 22 }),
  socket('LISTEN tcp [::]:22', { name: 'sshd', unit: 'ssh.service', pid: 22 }),
  socket('LISTEN tcp 127.0.0.53:53', { name: 'systemd-resolve', uid: 101, pid: 53 }),
  socket('UNCONNECTED udp 127.0.0.53:53', { name: 'systemd-resolve', uid: 101, pid: 53 }),
  socket('LISTEN tcp 127.0.0.1:25', { name: 'exim4', uid: 102, pid: 25 }),
  socket('LISTEN tcp [::1]:25', { name: 'exim4', uid: 102, pid: 25 }),
  socket('LISTEN tcp 127.0.0.1:631', { name: 'cupsd', unit: 'cups.service', pid: 63 }),
  socket('LISTEN tcp [::1]:631', { name: 'cupsd', unit: 'cups.service', pid: 63 }),
  socket('LISTEN tcp 0.0.0.0:111', { name: 'rpcbind', unit: 'rpcbind.service', pid: 111 }),
  socket('UNCONNECTED udp 0.0.0.0:111', { name: 'rpcbind', unit: 'rpcbind.service', pid: 111 }),
  socket('LISTEN tcp [::]:111', { name: 'rpcbind', unit: 'rpcbind.service', pid: 111 }),
  socket('UNCONNECTED udp 0.0.0.0:68', { name: 'dhclient', pid: 68 }),
  socket('UNCONNECTED udp 127.0.0.1:323', { name: 'chronyd', unit: 'chrony.service', pid: 32 }),
  socket('UNCONNECTED udp [::1]:323', { name: 'chronyd', unit: 'chrony.service', pid: 32 }),
  socket('UNCONNECTED udp 0.0.0.0:5353', { name: 'avahi-daemon', uid: 104, pid: 54 }),
  socket('UNCONNECTED udp [::]:5353', { name: 'avahi-daemon', uid: 104, pid: 54 }),
  socket('UNCONNECTED udp 0.0.0.0:41234', { name: 'avahi-daemon', uid: 104, pid: 54 }),
  socket('UNCONNECTED udp [::]:54321', { name: 'avahi-daemon', uid: 104, pid: 54 }),
  socket('ESTABLISHED tcp 192.0.2.9:22', { name: 'sshd', to: '192.0.2.1:50000', pid: 220 }),
  socket('ESTABLISHED tcp 192.0.2.9:41000', { name: 'apt', to: '192.0.2.2:443', pid: 221 }),
  socket('TIME_WAIT tcp 192.0.2.9:41002', { to: '192.0.2.2:443', expiresMs: 30_000 }),
  socket('ESTABLISHED udp 192.0.2.9:42000', { name: 'curl', to: '192.0.2.3:53', pid: 222 }),
];

export const PLAIN_SERVICES = `ssh		22/tcp
domain		53/tcp
sunrpc		111/tcp		portmapper
sunrpc		111/udp		portmapper
ipp		631/tcp
rsync		873/tcp
nfs		2049/tcp
http-alt	8080/tcp	webcache
webmin		10000/tcp
dircproxy	57000/tcp
tfido		60177/tcp
fido		60179/tcp

# Local services
`;

const NAMES: Readonly<Record<string, readonly string[]>> = {
  '22/tcp': ['ssh'],
  '111/tcp': ['sunrpc'],
  '631/tcp': ['ipp', 'ipps'],
  '674/tcp': ['acap'],
  '8080/tcp': ['http-alt'],
  '873/tcp': ['rsync'],
  '2049/tcp': ['shilp', 'nfs'],
};

const EPHEMERAL: PortRange = { first: 32_768, last: 60_999 };

export const PLAIN: Snapshot = {
  seen: { sockets: PLAIN_SOCKETS, hiddenProcesses: 0 },
  kernel: { ephemeral: EPHEMERAL, reserved: [], unprivilegedStart: 1024 },
  reusesTimeWait: 'loopback',
  boot: { ephemeral: undefined, reserved: undefined, unprivilegedStart: undefined },
  services: servicesOf(''),
  ianaNames: (port, protocol) => NAMES[`${port}/${protocol}`] ?? [],
  inForce: undefined,
  inaddrAny: [],
  registrations: [registration('portmapper 100000 tcp 0.0.0.0:111')],
  programOf: (name) => (/^[0-9]/.test(name) ? undefined : new RpcNames().numberOf(name)),
  programRanges: [],
  blacklist: [631, 636, 655, 774, 783, 873, 921, 993, 995],
  trusts: [],
  assignable: [],
};

/** /etc/services with local entries. */
export function servicesOf(local: string): Snapshot['services'] {
  const text = `${PLAIN_SERVICES}${local}`;
  const localFrom = text.split('\n').findIndex((line) => line.startsWith('# Local')) + 1;
  return { entries: parseServices(text), localFrom };
}

/** An /etc/services without the line "# Local services". */
export function unmarked(text: string): Snapshot['services'] {
  return { ...servicesOf(text), localFrom: undefined };
}

/** "mountd 100005 tcp 0.0.0.0:631" */
export function registration(text: string): RegisteredProgram {
  const [name, digits = '', protocol, where = ''] = text.split(' ');
  const program = parseDecimal(digits, 0xffffffff) ?? 0;
  return {
    program,
    name,
    versions: [1, 3],
    protocol: protocol as Protocol,
    ...end(where),
    owner: 'superuser',
  };
}

export function profileOf(text: string): Profile {
  const { profile, findings } = buildProfile(parseProfile({ file: 'profile.tcpip', text }).statements);
  assert.deepEqual(findings, []);
  return profile;
}

/** The plain host with a profile in force. */
export function inForce(
  text: string,
  more: Partial<NonNullable<Snapshot['inForce']>> = {},
): Snapshot['inForce'] {
  return { profile: profileOf(text), guard: 'enforce', errnoLow: 'EADDRINUSE', omvsJob: 'OMVS', ...more };
}

/** The ranges of a BPXPRMxx member. */
export function inaddrAny(text: string): Snapshot['inaddrAny'] {
  return parseBpxprm({ file: 'BPXPRM00', text }).ranges;
}

/** The plain host with more sockets and other changes. */
export function snapshot(
  changes: Partial<Omit<Snapshot, 'seen'>> & { readonly sockets?: readonly ListedSocket[] } = {},
): Snapshot {
  const { sockets = [], ...rest } = changes;
  return { ...PLAIN, ...rest, seen: { sockets: [...PLAIN_SOCKETS, ...sockets], hiddenProcesses: 0 } };
}

/** The kernel settings of the plain host with changes. */
export function kernel(changes: Partial<Snapshot['kernel']>): Snapshot['kernel'] {
  return { ...PLAIN.kernel, ...changes };
}

export function range(first: number, last = first): PortRange {
  assert.ok(isPort(first) && isPort(last));
  return { first, last };
}

/** The kernel settings with these reserved ports. */
export function reserve(first: number, last = first): Snapshot['kernel'] {
  return kernel({ reserved: [range(first, last)] });
}

export const NOMAD: ConfiguredRange = {
  id: 'nomad',
  title: 'the dynamic ports of Nomad',
  origin: '/etc/nomad.d/a.hcl',
  jobs: ['NOMAD'],
  isHeld: false,
  ...range(20_000, 32_000),
};
export const NODEPORT: ConfiguredRange = {
  ...NOMAD,
  id: 'nodeport',
  title: 'the NodePorts of Kubernetes',
  origin: 'kubelet is running',
  jobs: ['KUBELET'],
  ...range(30_000, 32_767),
};

export const DOCKER: ConfiguredRange = {
  ...NOMAD,
  id: 'docker',
  title: 'the ports that docker run -P publishes',
  origin: 'dockerd is running',
  jobs: ['DOCKER'],
  isHeld: true,
  ...range(32_768, 60_999),
};

/** statd on an assigned port. */
export const statd = (port: number, startTicks: number, command = '/sbin/rpc.statd') =>
  socket(`LISTEN tcp 0.0.0.0:${port}`, { name: 'rpc.statd', pid: 700, uid: 103, startTicks, command });
/** The registration of statd. */
export const statdAt = (port: number) => registration(`status 100024 tcp 0.0.0.0:${port}`);
