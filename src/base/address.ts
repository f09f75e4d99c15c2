// Parses and formats IP addresses: the forms of inet_pton(3) and inet_ntop(3), and those that users type.
import { PortreeveError } from './errors.ts';

/** An IP address in network byte order: 4 bytes or 16. */
export interface IpAddress {
  /** 4 for IPv4, 6 for IPv6. */
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
}

const V4_PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const V6_GROUP_PATTERN = /^[0-9a-fA-F]{1,4}$/;

function parseV4(text: string): Uint8Array | undefined {
  const match = V4_PATTERN.exec(text);
  if (!match) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = match[i + 1] ?? '';
    if (part.length > 1 && part.startsWith('0')) return undefined;
    let value = 0;
    for (const digit of part) value = value * 10 + digit.charCodeAt(0) - 48;
    if (value > 255) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

function hexValue(group: string): number {
  let value = 0;
  for (const digit of group.toLowerCase()) value = value * 16 + '0123456789abcdef'.indexOf(digit);
  return value;
}

/** Parses the groups on one side of "::". The last may be a dotted IPv4 address. */
function parseV6Groups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (i === groups.length - 1 && group.includes('.')) {
      const v4 = parseV4(group);
      if (!v4) return undefined;
      bytes.push(...v4);
    } else {
      if (!V6_GROUP_PATTERN.test(group)) return undefined;
      const value = hexValue(group);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function parseV6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseV6Groups(halves[0] ?? '');
  const tail = halves.length === 2 ? parseV6Groups(halves[1] ?? '') : [];
  if (!head || !tail) return undefined;
  const length = head.length + tail.length;
  if (halves.length === 1 ? length !== 16 : length > 14) return undefined;
  if (halves.length === 2 && (halves[0] ?? '').includes('.')) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Parses an IPv4 or IPv6 address without a scope. Returns undefined if the text is not one. */
export function parseIp(text: string): IpAddress | undefined {
  const v4 = parseV4(text);
  if (v4) return { family: 4, bytes: v4 };
  const v6 = parseV6(text);
  return v6 && { family: 6, bytes: v6 };
}

function formatV4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Finds what "::" replaces: the longest run of at least two zero groups, and the first of equals (RFC 5952 4.2). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    if (end > i) i = end;
  }
  return best;
}

function formatV6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return `::ffff:${formatV4(bytes, 12)}`;
  const run = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (run.start < 0) return hex.join(':');
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`;
}

/** Formats an address in canonical form (RFC 5952 for IPv6). */
export function formatIp(address: IpAddress): string {
  return address.family === 4 ? formatV4(address.bytes, 0) : formatV6(address.bytes);
}

/** Formats HOST:PORT, with brackets around an IPv6 address. */
export function hostPortText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether the address is this host's loopback: 127.0.0.0/8, ::1, or 127.0.0.0/8 mapped into IPv6. */
export function isLoopback(address: IpAddress): boolean {
  if (address.family === 4) return address.bytes[0] === 127;
  const text = formatV6(address.bytes);
  return text === '::1' || text.startsWith('::ffff:127.');
}

/** Whether the address is the wildcard: 0.0.0.0 or ::. */
export function isWildcard(address: IpAddress): boolean {
  return address.bytes.every((byte) => byte === 0);
}

/** Whether two addresses agree in their first `prefix` bits. */
export function samePrefix(a: IpAddress, b: IpAddress, prefix: number): boolean {
  if (a.family !== b.family) return false;
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = prefix - bit >= 8 ? 0xff : (0xff00 >> (prefix - bit)) & 0xff;
    if (((a.bytes[bit >> 3] ?? 0) & mask) !== ((b.bytes[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

/** Whether an IPv6 address is link-local (fe80::/10). */
export function isLinkLocal(address: IpAddress): boolean {
  return address.family === 6 && address.bytes[0] === 0xfe && ((address.bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** An address with its zone, the name of an interface (RFC 4007 section 11). */
interface ScopedAddress {
  readonly address: IpAddress;
  readonly scope: string | undefined;
}

const SCOPE = /^[\w.-]+$/;

/** Parses an address. An IPv6 address may have brackets and a scope. Returns undefined for other text. */
export function readAddress(text: string): ScopedAddress | undefined {
  const inside = /^\[(.*)\]$/s.exec(text)?.[1];
  const bare = inside ?? text;
  const percent = bare.indexOf('%');
  const scope = percent < 0 ? undefined : bare.slice(percent + 1);
  const address = parseIp(percent < 0 ? bare : bare.slice(0, percent));
  if (address?.family === 4 && (inside !== undefined || scope !== undefined)) return undefined;
  return address && (scope === undefined || SCOPE.test(scope)) ? { address, scope } : undefined;
}

/** Parses an address without a scope. Throws PortreeveError `ADDRESS_INVALID` (usage). */
export function parseAddress(text: string): IpAddress {
  const read = readAddress(text);
  if (read && read.scope === undefined) return read.address;
  const why = read ? ': an interface is not allowed here' : '';
  const hint =
    'Examples: 192.0.2.7, ::1, [2001:db8::7], 0.0.0.0 (every IPv4 address), and :: (every IPv6 address).';
  throw new PortreeveError('ADDRESS_INVALID', `"${text}" is not an IP address${why}`, hint, {
    value: text,
  });
}

/** Splits HOST or HOST:PORT. An IPv6 address before a port must be in brackets. Returns undefined for other text. */
export function splitHostPort(
  text: string,
): { readonly host: string; readonly port: string | undefined } | undefined {
  const { host, port } = /^(?<host>\[[^[\]]*\]|[^:]*)(?::(?<port>[^:]*))?$/s.exec(text)?.groups ?? {};
  return host === undefined ? undefined : { host, port };
}
