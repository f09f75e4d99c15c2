// The server of an RPC call: a host and port over UDP or TCP, or a Unix socket.
import { hostPortText } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { isPort } from '../../base/port.ts';
import { isLocalUaddr } from '../../wire/uaddr.ts';

/** A program on a host. */
export interface IpTarget {
  /** The protocol. */
  readonly transport: 'udp' | 'tcp';
  /** An address, or a name, which is resolved when it is first needed. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** A program on a Unix stream socket of this host. */
export interface LocalTarget {
  /** A stream socket of the family AF_UNIX. */
  readonly transport: 'local';
  /** A path, or "@" and an abstract name. */
  readonly path: string;
}

/** The address of a server. */
export type RpcTarget = IpTarget | LocalTarget;

/** The target as text: "127.0.0.1:111/udp", "[::1]:111/tcp", or the path. */
export function targetText(target: RpcTarget): string {
  if (target.transport === 'local') return target.path;
  return `${hostPortText(target.host, target.port)}/${target.transport}`;
}

/** Throws PortreeveError (usage) `PORT_INVALID` or `PATH_INVALID` for a target that cannot be connected to. */
export function checkTarget(target: RpcTarget): void {
  if (target.transport === 'local') {
    if (isLocalUaddr(target.path)) return;
    const hint = 'A Unix socket is an absolute path, or "@" and a name, of at most 107 bytes.';
    throw new PortreeveError('PATH_INVALID', `"${target.path}" is not a Unix socket`, hint);
  }
  if (isPort(target.port)) return;
  const hint = 'A port is a number from 1 to 65535.';
  throw new PortreeveError('PORT_INVALID', `${target.port} is not a port`, hint, {
    value: target.port,
  });
}
