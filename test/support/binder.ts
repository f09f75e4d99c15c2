/** A program of a test that binds sockets one after another, and writes the result of each. */

import { formatIp, parseIp } from '../../src/base/address.ts';
import { SO_NETNS_COOKIE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../../src/host/linux/sys/constants.ts';
import { errno, errnoName, sys } from '../../src/host/linux/sys/libc.ts';
import { NativeBuffer } from '../../src/host/linux/sys/memory.ts';
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr } from '../../src/wire/sockaddr.ts';

/** One bind(2) of a new socket, which remains open until the program ends. */
export interface Bind {
  readonly socket: 'tcp4' | 'udp4' | 'tcp6' | 'udp6';
  readonly address: string;
  readonly port: number;
  /** The family in the address, if it differs from the socket's. */
  readonly claimedFamily?: number;
}

/** The result. */
export interface Bound {
  /** The errno's name; null if it succeeded. */
  readonly error: string | null;
  /** The bound address. */
  readonly address: string;
  readonly port: number;
  readonly reusePort: number;
  /** The cookies of the socket and of its network namespace (SO_COOKIE, SO_NETNS_COOKIE), in digits. */
  readonly cookie: string;
  readonly netnsCookie: string;
}

/** The output of the program. */
export interface Report {
  readonly pid: number;
  readonly bound: readonly Bound[];
}

/** Its only argument. */
export interface Task {
  /** It changes to this user, without any privilege, before the first bind. */
  readonly uid?: number;
  readonly binds: readonly Bind[];
}

/** <asm-generic/socket.h> */
const SO_REUSEPORT = 15;
const SO_COOKIE = 57;
const ADDRESS_BYTES = 28;

function option(fd: number, name: number): bigint {
  const value = new NativeBuffer(8);
  const length = new NativeBuffer(4);
  length.view.setUint32(0, 8, true);
  sys.getsockopt(fd, SOL_SOCKET, name, value.address, length.address);
  return value.view.getBigUint64(0, true);
}

function bind({ socket, address, port, claimedFamily }: Bind): Bound {
  const family = socket.endsWith('4') ? AF_INET : AF_INET6;
  const fd = sys.socket(family, socket.startsWith('tcp') ? SOCK_STREAM : SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`socket: ${errnoName(errno())}`);
  const ip = parseIp(address);
  if (!ip) throw new Error(`${address} is not an address`);
  const given = encodeSockaddr({ address: ip, port });
  const buffer = new NativeBuffer(ADDRESS_BYTES);
  buffer.u8.set(given);
  if (claimedFamily !== undefined) buffer.view.setUint16(0, claimedFamily, true);
  const error = sys.bind(fd, buffer.address, given.length) === 0 ? null : errnoName(errno());
  const length = new NativeBuffer(4);
  length.view.setUint32(0, ADDRESS_BYTES, true);
  sys.getsockname(fd, buffer.address, length.address);
  const name = decodeSockaddr(buffer.u8);
  return {
    error,
    address: name ? formatIp(name.address) : '',
    port: name?.port ?? 0,
    reusePort: option(fd, SO_REUSEPORT) === 0n ? 0 : 1,
    cookie: `${option(fd, SO_COOKIE)}`,
    netnsCookie: `${option(fd, SO_NETNS_COOKIE)}`,
  };
}

if (import.meta.main) {
  const task: Task = JSON.parse(process.argv[2] ?? '');
  if (task.uid !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(task.uid);
    process.setuid?.(task.uid);
  }
  const report: Report = { pid: process.pid, bound: task.binds.map(bind) };
  process.stdout.write(JSON.stringify(report));
}
