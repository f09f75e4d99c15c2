// Where a call goes: a host and port over UDP or TCP, or a Unix socket.
import { hostPortText } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { isPort } from '../../base/port.ts';
import { isLocalUaddr } from '../../wire/uaddr.ts';

/** A program on a host. */
export interface IpTarget {
  /** How it is called. */
  readonly transport: 'udp' | 'tcp';
  /** An address, or a name, which is looked up when it is first needed. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** A program behind a stream socket of this host. */
export interface LocalTarget {
  /** A stream socket of the family AF_UNIX. */
  readonly transport: 'local';
  /** A path, or "@" and a name without a file. */
  readonly path: string;
}

/** Where a server is. */
export type RpcTarget = IpTarget | LocalTarget;

/** The target as people write it: "127.0.0.1:111/udp", "[::1]:111/tcp", or the path. */
export function targetText(target: RpcTarget): string {
  if (target.transport === 'local') return target.path;
  return `${hostPortText(target.host, target.port)}/${target.transport}`;
}

/** Throws PortreeveError (usage) `PORT_INVALID` or `PATH_INVALID` for what no socket can be connected to. */
export function checkTarget(target: RpcTarget): void {
  if (target.transport === 'local') {
    if (isLocalUaddr(target.path)) return;
    const hint = 'A Unix socket is a path from the root, or "@" and a name, of at most 107 bytes.';
    throw new PortreeveError('PATH_INVALID', `"${target.path}" is not a Unix socket`, hint);
  }
  if (isPort(target.port)) return;
  const hint = 'A port is a number from 1 to 65535.';
  throw new PortreeveError('PORT_INVALID', `${target.port} is not a port`, hint, {
    value: target.port,
  });
}
