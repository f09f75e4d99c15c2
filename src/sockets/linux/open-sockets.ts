// Lists the TCP and UDP sockets of this network namespace with sock_diag(7), and finds their owners.
import { readFileSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { PID_MAX } from '../../base/limits.ts';
import type { OpenSocket, SocketState } from '../../base/open-socket.ts';
import { type Protocol, parseDecimal } from '../../base/port.ts';
import { CgroupPaths } from '../../host/linux/cgroup-paths.ts';
import { openDiagSocket } from '../../host/linux/socket-table.ts';
import { ERRNO, errno, errnoName, sys } from '../../host/linux/sys/libc.ts';
import { NativeBuffer } from '../../host/linux/sys/memory.ts';
import {
  DIAG_REQUEST_BYTES,
  type DiagProtocol,
  IPPROTO_TCP,
  IPPROTO_UDP,
  STATE,
  TCP_DUMP_BYTES,
  writeDiagDump,
  writeTcpDump,
} from '../../wire/sock-diag.ts';
import { DiagDump } from '../../wire/sock-diag-dump.ts';
import type { FoundOwners, OpenSocketQuery, OpenSockets } from '../core/open-sockets.ts';
import type { Viewer } from './process-owner.ts';
import { SocketOwners } from './socket-owners.ts';

/** The kernel sends at most 32 KiB at a time in a dump. */
const RECEIVE_BYTES = 64 * 1024;

/** The kernel's numbers for each state, which are also bit positions in a request. */
const STATES: Readonly<Record<Protocol, Partial<Record<SocketState, readonly number[]>>>> = {
  tcp: {
    ESTABLISHED: [STATE.ESTABLISHED],
    SYN_SENT: [STATE.SYN_SENT],
    SYN_RECV: [STATE.SYN_RECV, STATE.NEW_SYN_RECV],
    FIN_WAIT1: [STATE.FIN_WAIT1],
    FIN_WAIT2: [STATE.FIN_WAIT2],
    TIME_WAIT: [STATE.TIME_WAIT],
    CLOSE_WAIT: [STATE.CLOSE_WAIT],
    LAST_ACK: [STATE.LAST_ACK],
    LISTEN: [STATE.LISTEN],
    CLOSING: [STATE.CLOSING],
    BOUND: [STATE.BOUND_INACTIVE],
  },
  udp: { ESTABLISHED: [STATE.ESTABLISHED], UNCONNECTED: [STATE.CLOSE] },
};

/** The state for each number. The kernel reports a TCP socket that is only bound as closed. */
const NAMES: Readonly<Record<Protocol, readonly (SocketState | undefined)[]>> = {
  tcp: namesOf('tcp').with(STATE.CLOSE, 'BOUND'),
  udp: namesOf('udp'),
};

const NUMBERS = { tcp: IPPROTO_TCP, udp: IPPROTO_UDP } as const satisfies Record<Protocol, DiagProtocol>;

function statesOf(protocol: Protocol): SocketState[] {
  return Object.keys(STATES[protocol]) as SocketState[];
}

function namesOf(protocol: Protocol): (SocketState | undefined)[] {
  const names = new Array<SocketState | undefined>(STATE.BOUND_INACTIVE + 1).fill(undefined);
  for (const state of statesOf(protocol)) {
    for (const number of STATES[protocol][state] ?? []) names[number] = state;
  }
  return names;
}

/** Whether to find all owners of each socket, or to stop at the first one, its parents, and their children. */
export type Thoroughness = 'all' | 'some';

/** The sockets of this network namespace. It caches processes between calls. */
export class LinuxOpenSockets implements OpenSockets {
  readonly #owners = new SocketOwners();
  readonly #thoroughness: Thoroughness;
  readonly #cgroups = new CgroupPaths();
  /** The latest list. */
  #listed: readonly OpenSocket[] = [];

  constructor(thoroughness: Thoroughness = 'all') {
    this.#thoroughness = thoroughness;
  }

  list({ protocol, states, port }: OpenSocketQuery = {}): OpenSocket[] {
    this.#cgroups.renew();
    const sockets: OpenSocket[] = [];
    const fd = openDiagSocket();
    try {
      const table = new Dumps(fd, sockets);
      for (const one of protocol ? [protocol] : (['tcp', 'udp'] as const)) {
        const bits = bitsOf(one, states);
        if (bits !== 0) table.dump(one, bits, port ?? 0);
      }
    } finally {
      sys.close(fd);
    }
    if (this.#thoroughness === 'some') this.#listed = sockets;
    return sockets;
  }

  owners(inodes: ReadonlySet<number>): FoundOwners {
    if (this.#thoroughness === 'all') return this.#owners.find(inodes);
    return this.#owners.findSome(inodes, this.#likelyOwners(inodes));
  }

  /** A socket is usually held in the cgroup in which it was created. */
  #likelyOwners(inodes: ReadonlySet<number>): number[] {
    const ids = new Set<bigint>();
    for (const { inode, cgroupId } of this.#listed) {
      if (cgroupId !== undefined && inodes.has(inode)) ids.add(cgroupId);
    }
    return [...ids].flatMap((id) => {
      const directory = this.#cgroups.directoryOf(id);
      // The root cgroup may contain every process.
      return directory === undefined || this.cgroupPath(id) === '/' ? [] : processesIn(directory);
    });
  }

  /** The same, with only the processes that /proc would show to the viewer. */
  shownTo(viewer: Viewer): OpenSockets {
    return {
      list: (query) => this.list(query),
      owners: (inodes) => this.#owners.find(inodes, viewer),
      cgroupPath: (id) => this.cgroupPath(id),
    };
  }

  cgroupPath(id: bigint): string | undefined {
    return this.#cgroups.pathOf(id);
  }
}

/** Newest first; empty if the cgroup no longer exists or is threaded. */
function processesIn(directory: string): number[] {
  let text: string;
  try {
    text = readFileSync(`${directory}/cgroup.procs`, 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n');
  return lines.flatMap((line) => parseDecimal(line, PID_MAX) ?? []).reverse();
}

function bitsOf(protocol: Protocol, states: readonly SocketState[] | undefined): number {
  return (states ?? statesOf(protocol))
    .flatMap((state) => STATES[protocol][state] ?? [])
    .reduce((bits, number) => bits | (1 << number), 0);
}

/** Requests one dump after the other. */
class Dumps {
  readonly #fd: number;
  readonly #sockets: OpenSocket[];
  readonly #buffer = new NativeBuffer(RECEIVE_BYTES);
  #sequence = 0;

  constructor(fd: number, sockets: OpenSocket[]) {
    this.#fd = fd;
    this.#sockets = sockets;
  }

  dump(protocol: Protocol, states: number, port: number): void {
    if (protocol === 'tcp' && this.#dumpTcp(states, port)) return;
    for (const family of [4, 6] as const) {
      const query = { family, protocol: NUMBERS[protocol], states, port };
      writeDiagDump(this.#buffer, query, ++this.#sequence);
      const ending = this.#send(DIAG_REQUEST_BYTES, protocol, port, this.#sockets);
      if (ending !== 0) throw unreadable(ending);
    }
  }

  /** Lists IPv4 before IPv6 like two dumps, in half the time; false if the kernel does not know the request. */
  #dumpTcp(states: number, port: number): boolean {
    const found: OpenSocket[] = [];
    writeTcpDump(this.#buffer, { states, port }, ++this.#sequence);
    if (this.#send(TCP_DUMP_BYTES, 'tcp', port, found) !== 0) return false;
    for (const family of [4, 6] as const) {
      for (const socket of found) if (socket.local.address.family === family) this.#sockets.push(socket);
    }
    return true;
  }

  /** Sends the request in the buffer; gives the error number with which the dump ended, or 0. */
  #send(bytes: number, protocol: Protocol, port: number, target: OpenSocket[]): number {
    this.#must(sys.send(this.#fd, this.#buffer.address, bytes, 0));
    const dump = new DiagDump(this.#buffer.u8, this.#sequence);
    while (dump.ending === undefined) {
      dump.received(this.#receive());
      while (dump.next()) this.#take(protocol, dump, port, target);
    }
    return dump.ending;
  }

  /** Filters by port again: for bound sockets the kernel ignores the requested port. */
  #take(protocol: Protocol, dump: DiagDump, port: number, target: OpenSocket[]): void {
    const state = NAMES[protocol][dump.state];
    const { localPort, remotePort, inode } = dump;
    if (state === undefined || (port !== 0 && localPort !== port)) return;
    target.push({
      protocol,
      state,
      local: { address: dump.localAddress, port: localPort },
      remote: remotePort === 0 ? undefined : { address: dump.remoteAddress, port: remotePort },
      v6Only: dump.v6Only === true,
      interfaceIndex: dump.interfaceIndex,
      uid: inode === 0 ? undefined : dump.uid,
      inode,
      cgroupId: dump.cgroupId,
      expiresMs: dump.timeWaitMs,
    });
  }

  #receive(): number {
    for (;;) {
      const count = sys.recv(this.#fd, this.#buffer.address, RECEIVE_BYTES, 0);
      if (count >= 0) return count;
      if (errno() !== ERRNO['EINTR']) this.#must(count);
    }
  }

  #must(result: number): void {
    if (result < 0) throw unreadable(errno());
  }
}

function unreadable(number: number): PortreeveError {
  const message = `cannot list the sockets of this host: ${errnoName(number)}`;
  const hint =
    'The kernel needs sock_diag; load the modules inet_diag, tcp_diag and udp_diag if they are not built in.';
  return new PortreeveError('SOCKETS_UNREADABLE', message, hint, { errno: errnoName(number) });
}
