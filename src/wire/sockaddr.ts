// Encodes and decodes Linux socket addresses (ip(7), ipv6(7), unix(7)). The family is in host byte order.
import { LITTLE_ENDIAN } from './byte-order.ts';
import { type IpEndpoint, isLocalUaddr } from './uaddr.ts';

/** <bits/socket.h>: address families. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6) and sizeof(struct sockaddr_un). */
const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;
export const SOCKADDR_UN_BYTES = 110;

/** Encodes an endpoint: 16 bytes for IPv4, 28 for IPv6 with flow label 0. */
export function encodeSockaddr(endpoint: IpEndpoint, scopeId = 0): Uint8Array {
  const { address, port } = endpoint;
  const bytes = new Uint8Array(address.family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, address.family === 4 ? AF_INET : AF_INET6, LITTLE_ENDIAN);
  view.setUint16(2, port);
  bytes.set(address.bytes, address.family === 4 ? 4 : 8);
  if (address.family === 6) view.setUint32(24, scopeId, LITTLE_ENDIAN);
  return bytes;
}

/** Decodes an IPv4 or IPv6 socket address. Returns undefined for other families. */
export function decodeSockaddr(bytes: Uint8Array): IpEndpoint | undefined {
  if (bytes.length < SOCKADDR_IN_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = view.getUint16(0, LITTLE_ENDIAN);
  const port = view.getUint16(2);
  if (family === AF_INET) return { address: { family: 4, bytes: bytes.slice(4, 8) }, port };
  if (family !== AF_INET6 || bytes.length < SOCKADDR_IN6_BYTES) return undefined;
  return { address: { family: 6, bytes: bytes.slice(8, 24) }, port };
}

/**
 * Encodes a local universal address, with one byte per character. A path has no terminating NUL. An abstract name
 * follows a NUL.
 */
export function encodeLocalSockaddr(uaddr: string): Uint8Array {
  const bytes = new Uint8Array(2 + uaddr.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, LITTLE_ENDIAN);
  for (let i = 0; i < uaddr.length; i++) bytes[2 + i] = uaddr.charCodeAt(i);
  if (uaddr.startsWith('@')) bytes[2] = 0;
  return bytes;
}

/** Decodes a Unix socket address. Returns undefined for another family, and for an unnamed socket. */
export function decodeLocalSockaddr(bytes: Uint8Array): string | undefined {
  if (bytes.length < 3) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, LITTLE_ENDIAN) !== AF_UNIX) return undefined;
  const name = String.fromCharCode(...bytes.subarray(2, SOCKADDR_UN_BYTES));
  const uaddr = name.startsWith('\0') ? `@${name.slice(1)}` : (name.split('\0')[0] ?? '');
  return isLocalUaddr(uaddr) ? uaddr : undefined;
}
