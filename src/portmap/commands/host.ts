// What the commands of portmap are told about where a port mapper is, and how long to wait for it.
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT, type Port, parseDecimal, parsePort } from '../../base/port.ts';

/** Where a port mapper is. */
export type PortmapHost =
  | { readonly kind: 'ip'; readonly host: string; readonly port: Port }
  | { readonly kind: 'local'; readonly path: string };

/** A name of DNS or of /etc/hosts, in any script. */
const NAME_PATTERN = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]{0,252})$/u;
const TIMEOUT_MAX_SECONDS = 3600;

/** Reads NAME, ADDRESS, NAME:PORT, [IPv6]:PORT, /PATH or @NAME. Throws PortreeveError (usage) `HOST_INVALID`. */
export function parsePortmapHost(text: string): PortmapHost {
  if (/^[/@]./s.test(text)) return { kind: 'local', path: text };
  if (isAddress(text)) return { kind: 'ip', host: text, port: PORTMAP_PORT };
  const { host = '', port } = /^(?<host>\[[^[\]]*\]|[^:]*)(?::(?<port>.*))?$/s.exec(text)?.groups ?? {};
  const bare = host.replace(/^\[|\]$/g, '');
  const isHost = host.startsWith('[') ? isAddress(bare) && bare.includes(':') : NAME_PATTERN.test(host);
  if (!isHost) {
    const hint = 'Write a name, an address, NAME:PORT, [IPv6]:PORT, or a Unix socket as /PATH or @NAME.';
    throw new PortreeveError('usage', 'HOST_INVALID', `"${text}" is not a host`, hint, { value: text });
  }
  return { kind: 'ip', host: bare, port: port === undefined ? PORTMAP_PORT : parsePort(port) };
}

/** An address in text; one of IPv6 may name its interface: "fe80::1%eth0". */
function isAddress(text: string): boolean {
  const [address = '', zone] = text.split('%', 2);
  const parsed = parseIp(address);
  return parsed !== undefined && (zone === undefined || (parsed.family === 6 && /^[\w.-]+$/.test(zone)));
}

/** Reads --timeout: whole seconds. Gives milliseconds. */
export function parseTimeout(text: string | undefined): number {
  const seconds = parseDecimal(text ?? '5', TIMEOUT_MAX_SECONDS);
  if (seconds) return seconds * 1000;
  const hint = `It is a whole number of seconds from 1 to ${TIMEOUT_MAX_SECONDS}.`;
  throw new PortreeveError('usage', 'TIMEOUT_INVALID', `"${text}" is not a timeout`, hint);
}
