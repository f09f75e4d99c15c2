// Universal addresses (RFC 1833 section 2.1): transport addresses as text, such as "127.0.0.1.3.5" for port 773.
import { formatIp, type IpAddress, parseIp } from '../base/address.ts';
import { type NetId, netIdInfo, type ServiceAddress } from '../base/netid.ts';
import { parseDecimal } from '../base/port.ts';

/** unix(7): sun_path has 108 bytes, including the terminating NUL. */
const LOCAL_PATH_MAX_BYTES = 107;
/** The longest universal address: "@" and an abstract name. */
export const UADDR_MAX_BYTES = LOCAL_PATH_MAX_BYTES + 1;

/** An IP address and a port. */
export interface IpEndpoint {
  /** The address, without a scope. */
  readonly address: IpAddress;
  /** 0 to 65535. 0 means no port. */
  readonly port: number;
}

/** The end of a universal address: the bytes of the port in decimal, ".3.5". */
export function portSuffix(port: number): string {
  return `.${port >> 8}.${port & 255}`;
}

/** Formats an endpoint as a canonical universal address. */
export function formatUaddr(endpoint: IpEndpoint): string {
  return formatIp(endpoint.address) + portSuffix(endpoint.port);
}

/**
 * Parses the universal address of an IP transport. Returns undefined if the text is not one.
 * Each of the last two fields is a byte in decimal: "127.0.0.1.300.5" is not an address.
 */
export function parseUaddr(text: string): IpEndpoint | undefined {
  const lowDot = text.lastIndexOf('.');
  const highDot = text.lastIndexOf('.', lowDot - 1);
  if (lowDot < 0 || highDot < 1) return undefined;
  const low = parseDecimal(text.slice(lowDot + 1), 255);
  const high = parseDecimal(text.slice(highDot + 1, lowDot), 255);
  const address = parseIp(text.slice(0, highDot));
  if (low === undefined || high === undefined || !address) return undefined;
  return { address, port: high * 256 + low };
}

export function serviceAddress(endpoint: IpEndpoint): ServiceAddress {
  return { address: endpoint.address, port: endpoint.port, uaddr: formatUaddr(endpoint) };
}

/** Parses the universal address of a service on a transport. Returns undefined if it is invalid or its port is 0. */
export function parseServiceAddress(netid: NetId, uaddr: string): ServiceAddress | undefined {
  const { family } = netIdInfo(netid);
  if (family === 'loopback') return isLocalUaddr(uaddr) ? { address: uaddr, port: 0, uaddr } : undefined;
  const endpoint = parseUaddr(uaddr);
  if (!endpoint || endpoint.port === 0) return undefined;
  return endpoint.address.family === (family === 'inet' ? 4 : 6) ? serviceAddress(endpoint) : undefined;
}

/** Not allowed in paths: they would control the terminals on which registrations are listed. */
const CONTROL_CHARACTERS = /\p{Cc}/u;

/** Whether the text is a valid address of a Unix socket: an absolute path, or "@" and an abstract name. */
export function isLocalUaddr(uaddr: string): boolean {
  if (CONTROL_CHARACTERS.test(uaddr)) return false;
  if (uaddr.startsWith('/')) return uaddr.length > 1 && uaddr.length <= LOCAL_PATH_MAX_BYTES;
  return uaddr.startsWith('@') && uaddr.length > 1 && uaddr.length <= UADDR_MAX_BYTES;
}
