// Finds the owners of sockets on this host with sock_diag(7).
import { type IpAddress, isWildcard, samePrefix } from '../../base/address.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import {
  ALL_STATES,
  DIAG_REQUEST_BYTES,
  type DiagAnswer,
  type DiagEnd,
  type DiagProtocol,
  type DiagQuery,
  IPPROTO_TCP,
  IPPROTO_UDP,
  readDiagAnswer,
  STATE,
  writeDiagDump,
  writeDiagLookup,
} from '../../wire/sock-diag.ts';
import { DiagDump, type DiagSocket } from '../../wire/sock-diag-dump.ts';
import type { HeldSocket, SocketTable } from '../host.ts';
import type { Ipv6DatagramCount } from './sockstat.ts';
import { AF_NETLINK, NETLINK_SOCK_DIAG, SOCK_CLOEXEC, SOCK_RAW } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { ERRNO, errno, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** The kernel fills at most 32 KiB at once in a dump. */
const RECEIVE_BYTES = 64 * 1024;

/** The remote port in a lookup for a listener only: no connection comes from it. */
const NOWHERE = 1;

const LOOPBACK = {
  4: { family: 4, bytes: new Uint8Array([127, 0, 0, 1]) },
  6: { family: 6, bytes: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) },
} as const;

/** ::ffff:0:0/96: an IPv4 address on an IPv6 socket (RFC 4291 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

/** Opens the netlink socket for lookups, which need no privilege. */
export function openDiagSocket(): number {
  return must(sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), 'socket');
}

/** The only socket that could have sent a datagram. */
export interface DatagramOwner {
  readonly uid: number;
  /** Unique since boot (SO_COOKIE). */
  readonly cookie: number;
  /**
   * Whether it is the only socket on its port, and bound to all addresses and interfaces, so that no other socket can
   * send from there. Only SO_REUSEADDR on both would permit another one, which the kernel does not report.
   */
  readonly isExclusive: boolean;
}

/** Whether a socket receives data sent to an address. */
function reaches(socket: DiagSocket, address: IpAddress): boolean {
  const bound = socket.local.address;
  if (isWildcard(bound)) return socket.family === address.family || socket.v6Only !== true;
  if (isWildcard(address)) return socket.family === address.family || isMapped(bound);
  const full = address.bytes.length * 8;
  if (socket.family === address.family) return samePrefix(bound, address, full);
  return isMapped(bound) && samePrefix({ family: 4, bytes: bound.bytes.subarray(12) }, address, full);
}

function isMapped(address: IpAddress): boolean {
  return address.family === 6 && MAPPED_PREFIX.every((byte, i) => address.bytes[i] === byte);
}

/** Sends a request and waits for the response, which the kernel produces within the call, in a few microseconds. */
export class DiagTable implements SocketTable {
  readonly #fd: number;
  readonly #ipv6Datagrams: Pick<Ipv6DatagramCount, 'hasOthers'>;
  readonly #buffer = new NativeBuffer(RECEIVE_BYTES);
  #sequence = 0;

  /** `ipv6Datagrams` avoids listing the IPv6 UDP sockets on a host that has only portreeve's. */
  constructor(fd: number, ipv6Datagrams: Pick<Ipv6DatagramCount, 'hasOthers'> = { hasOthers: () => true }) {
    this.#fd = fd;
    this.#ipv6Datagrams = ipv6Datagrams;
  }

  at(netid: Exclude<NetId, 'local'>, address: IpAddress, port: number): HeldSocket[] {
    const protocol = netIdInfo(netid).protocol === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP;
    const target = isWildcard(address) ? LOOPBACK[address.family] : address;
    const nowhere = { address: LOOPBACK[address.family], port: NOWHERE };
    const found = this.#lookup(protocol, { address: target, port }, nowhere);
    if (found) return [found];
    // The socket may be bound to one address although its registration is for all.
    return this.#onPort(protocol, address.family, port, holdingStates(protocol)).filter((socket) =>
      reaches(socket, address),
    );
  }

  /**
   * The socket that sent a datagram from an address and port of this host, if it still exists. A UDP socket can choose
   * any address of the host as its source (ip(7): IP_PKTINFO), so every socket on the port could have sent it.
   * Undefined if there is no socket, if several are bound to the address, or if they belong to different users.
   */
  datagramSender(address: IpAddress, port: number): DatagramOwner | undefined {
    const { family } = address;
    // Our own sockets send only replies.
    const isAlone = family === 4 && !this.#ipv6Datagrams.hasOthers();
    const query = { family, protocol: IPPROTO_UDP, states: ALL_STATES, port } as const;
    const all = isAlone ? this.#list(query) : this.#onPort(IPPROTO_UDP, family, port, ALL_STATES);
    const sockets = all.filter((socket) => socket.inode !== 0);
    const bound = sockets.filter((socket) => reaches(socket, address));
    const [one] = bound;
    if (!one || bound.length > 1 || sockets.some(({ uid }) => uid !== one.uid)) return undefined;
    const isEverywhere = isWildcard(one.local.address) && one.interfaceIndex === 0;
    return { uid: one.uid, cookie: one.cookie, isExclusive: isEverywhere && all.length === 1 };
  }

  /** The uid of the remote end of a TCP connection within this host. Undefined if that end is closed. */
  streamPeer(peer: DiagEnd, local: DiagEnd): number | undefined {
    const socket = this.#lookup(IPPROTO_TCP, peer, local);
    return socket?.state === STATE.ESTABLISHED ? socket.uid : undefined;
  }

  /** The kernel responds within the call, with one datagram. */
  #lookup(protocol: DiagProtocol, local: DiagEnd, remote: DiagEnd): DiagAnswer | undefined {
    writeDiagLookup(this.#buffer, protocol, local, remote, ++this.#sequence);
    must(sys.send(this.#fd, this.#buffer.address, DIAG_REQUEST_BYTES, 0), 'send');
    const answer = readDiagAnswer(this.#buffer.view, this.#receive(), this.#sequence);
    return answer?.inode === 0 ? undefined : answer;
  }

  #receive(): number {
    for (;;) {
      const count = sys.recv(this.#fd, this.#buffer.address, RECEIVE_BYTES, 0);
      if (count >= 0) return count;
      if (errno() !== ERRNO['EINTR']) must(count, 'recv');
    }
  }

  /** All sockets on a local port that are relevant for a family: IPv6 sockets can also use IPv4. */
  #onPort(protocol: DiagProtocol, family: 4 | 6, port: number, states: number): DiagSocket[] {
    const list = (of: 4 | 6) => this.#list({ family: of, protocol, states, port });
    const v6 = list(6);
    return family === 6 ? v6 : [...list(4), ...v6.filter((socket) => socket.v6Only !== true)];
  }

  #list(query: DiagQuery): DiagSocket[] {
    writeDiagDump(this.#buffer, query, ++this.#sequence);
    must(sys.send(this.#fd, this.#buffer.address, DIAG_REQUEST_BYTES, 0), 'send');
    const sockets: DiagSocket[] = [];
    const dump = new DiagDump(this.#buffer.u8, this.#sequence);
    while (dump.ending === undefined) {
      dump.received(this.#receive());
      while (dump.next()) sockets.push(dump.socket());
    }
    return sockets;
  }
}

/** The states in which a socket receives data for a port: listening for TCP, connected or not for UDP. */
function holdingStates(protocol: DiagProtocol): number {
  return protocol === IPPROTO_TCP ? 1 << STATE.LISTEN : (1 << STATE.CLOSE) | (1 << STATE.ESTABLISHED);
}
