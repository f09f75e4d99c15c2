// Opens the sockets of our servers, and reports the reason if one cannot be opened.
import { lstatSync, unlinkSync } from 'node:fs';
import { isWildcard } from '../../base/address.ts';
import { UDP_RECEIVE_BUFFER_BYTES } from '../../base/limits.ts';
import { netIdInfo } from '../../base/netid.ts';
import { encodeSockaddr } from '../../wire/sockaddr.ts';
import type { EndpointSpec, OpenEndpoint, OpenFailure } from '../host.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_RECVPKTINFO,
  IPV6_V6ONLY,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_REUSEADDR,
  SO_TIMESTAMPING,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
  SOL_SOCKET,
  TCP_DEFER_ACCEPT,
  TCP_NODELAY,
} from './sys/constants.ts';
import { errno, errnoName, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** Connections waiting to be accepted. The kernel limits it to net.core.somaxconn. */
const BACKLOG = 4096;
/** A client that sends nothing for this time is accepted anyway, and counts as idle from then on. */
const DEFER_SECONDS = 1;
/** Every user may connect to a port mapper's socket. Its credentials decide what it may change. */
const LOCAL_SOCKET_MODE = 0o666;

/** The kernel reports when it queued a datagram. */
const RECEIVE_TIMES = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

const REASONS: Readonly<Record<string, OpenFailure['reason']>> = {
  EADDRINUSE: 'taken',
  EACCES: 'denied',
  EPERM: 'denied',
  EADDRNOTAVAIL: 'absent',
  EAFNOSUPPORT: 'absent',
};

function failure(): OpenFailure {
  const name = errnoName(errno());
  return { errno: name, reason: REASONS[name] ?? 'other' };
}

/** Sets an integer option. Returns whether the kernel accepted it. */
function setOption(fd: number, level: number, name: number, value: number): boolean {
  const option = new NativeBuffer(4);
  option.view.setInt32(0, value, true);
  return sys.setsockopt(fd, level, name, option.address, 4) === 0;
}

/** Opens, binds and, for streams, listens. Sockets are non-blocking and close-on-exec. */
export function openEndpoint(spec: EndpointSpec): OpenEndpoint | OpenFailure {
  return spec.netid === 'local' ? openLocal(spec, spec.path) : openIp(spec);
}

function openIp(spec: Exclude<EndpointSpec, { netid: 'local' }>): OpenEndpoint | OpenFailure {
  const info = netIdInfo(spec.netid);
  const isTcp = info.protocol === 'tcp';
  const isV6 = info.family === 'inet6';
  const type = (isTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = sys.socket(isV6 ? AF_INET6 : AF_INET, type, 0);
  if (fd < 0) return failure();
  // A separate socket for each family, so that client addresses are not mapped.
  let isSet = !isV6 || setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (isTcp) {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    // The client sends first: accept it once it has (tcp(7)), which saves an iteration of the loop per connection.
    setOption(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS);
  } else {
    const isForced = setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_RECEIVE_BUFFER_BYTES);
    if (!isForced) setOption(fd, SOL_SOCKET, SO_RCVBUF, UDP_RECEIVE_BUFFER_BYTES);
    // The receive time is needed to identify the sender. SO_TIMESTAMPNS would invent a time if there is none.
    isSet &&= setOption(fd, SOL_SOCKET, SO_TIMESTAMPING, RECEIVE_TIMES);
    // Without it, a reply could have a source address other than the destination of the request.
    if (isWildcard(spec.address)) {
      isSet &&= isV6
        ? setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        : setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
  }
  if (!isSet) {
    const failed = failure();
    sys.close(fd);
    return failed;
  }
  return bindAndListen(spec, fd, encodeSockaddr(spec), isTcp);
}

/** Encodes a sockaddr_un (unix(7)): a NUL-terminated path, or a NUL and an abstract name without terminator. */
function localSockaddr(path: string): Uint8Array {
  const isAbstract = path.startsWith('@');
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  const bytes = new Uint8Array(2 + name.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  return bytes;
}

function openLocal(spec: EndpointSpec, path: string): OpenEndpoint | OpenFailure {
  const name = localSockaddr(path);
  if (!path.startsWith('@')) {
    const obstacle = removeStale(path, name);
    if (obstacle) return obstacle;
  }
  const fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failure();
  const before = sys.umask(0o777 & ~LOCAL_SOCKET_MODE);
  const opened = bindAndListen(spec, fd, name, true);
  sys.umask(before);
  return opened;
}

/** Removes the file of a socket without a listener. Another file, or a socket in use, is an obstacle. */
function removeStale(path: string, name: Uint8Array): OpenFailure | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (!stat.isSocket()) return { errno: 'EEXIST', reason: 'obstructed' };
  if (isAlive(name)) return { errno: 'EADDRINUSE', reason: 'taken' };
  unlinkSync(path);
  return undefined;
}

/** Only ECONNREFUSED proves that there is no listener. A full backlog and a lack of permission do not. */
function isAlive(name: Uint8Array): boolean {
  const fd = sys.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  const buffer = new NativeBuffer(name.length);
  buffer.u8.set(name);
  const isRefused = sys.connect(fd, buffer.address, name.length) < 0 && errnoName(errno()) === 'ECONNREFUSED';
  sys.close(fd);
  return !isRefused;
}

function bindAndListen(
  spec: EndpointSpec,
  fd: number,
  name: Uint8Array,
  listens: boolean,
): OpenEndpoint | OpenFailure {
  const buffer = new NativeBuffer(name.length);
  buffer.u8.set(name);
  const isOpen =
    sys.bind(fd, buffer.address, name.length) === 0 && (!listens || sys.listen(fd, BACKLOG) === 0);
  if (isOpen) return { spec, fd, file: socketFile(spec) };
  const failed = failure();
  sys.close(fd);
  return failed;
}

/** Identifies the file of a Unix socket, to detect that it was replaced. */
function socketFile(spec: EndpointSpec): string | undefined {
  if (spec.netid !== 'local' || spec.path.startsWith('@')) return undefined;
  const stat = lstatSync(spec.path, { throwIfNoEntry: false });
  return stat && `${stat.dev}:${stat.ino}`;
}

/** Closes the socket, and removes the file of a Unix socket unless it was replaced. */
export function closeEndpoint(endpoint: OpenEndpoint): void {
  const { spec, fd, file } = endpoint;
  if (spec.netid === 'local' && file !== undefined && file === socketFile(spec)) unlinkSync(spec.path);
  sys.close(fd);
}
