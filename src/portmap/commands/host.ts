// The HOST argument and the --timeout option of the portmap commands.
import { readAddress, splitHostPort } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT, type Port } from '../../base/port.ts';
import { parseDuration } from '../../kit/duration.ts';
import { portArgument } from '../../names/commands/port-arguments.ts';

export type PortmapHost =
  | { readonly kind: 'ip'; readonly host: string; readonly port: Port }
  | { readonly kind: 'local'; readonly path: string };

/** A host name of DNS or /etc/hosts, in any script. */
const NAME_PATTERN = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]{0,252})$/u;

/**
 * Reads NAME, ADDRESS, NAME:PORT, [IPv6]:PORT, /PATH or @NAME. Throws PortreeveError (usage) `HOST_INVALID`, and
 * `PORT_INVALID` for its port.
 */
export function parsePortmapHost(text: string): PortmapHost {
  if (/^[/@]./s.test(text)) return { kind: 'local', path: text };
  if (readAddress(text)) return ipHost(text, PORTMAP_PORT);
  const { host = '', port } = splitHostPort(text) ?? {};
  if (!(host.startsWith('[') ? readAddress(host) : NAME_PATTERN.test(host))) {
    const hint = 'Write a name, an address, NAME:PORT, [IPv6]:PORT, or a Unix socket as /PATH or @NAME.';
    throw new PortreeveError('HOST_INVALID', `"${text}" is not a host`, hint, { value: text });
  }
  return ipHost(host, port === undefined ? PORTMAP_PORT : portArgument(port));
}

function ipHost(host: string, port: Port): PortmapHost {
  return { kind: 'ip', host: host.replace(/^\[|\]$/g, ''), port };
}

const TIMEOUT = { option: '--timeout', minMs: 1, maxMs: 3_600_000 } as const;

/** Reads --timeout; returns milliseconds. Throws PortreeveError (usage) `TIMEOUT_INVALID`. */
export function parseTimeout(text = '5s'): number {
  return parseDuration(text, TIMEOUT);
}
