// The socket table of a simulated host, whose sockets a test opens and closes.
import { formatIp, type IpAddress, isWildcard, parseIp } from '../../../src/base/address.ts';
import { PortreeveError } from '../../../src/base/errors.ts';
import { type NetId, netIdInfo } from '../../../src/base/netid.ts';
import type { HeldSocket, SocketTable } from '../../../src/host/host.ts';

export interface SimSocket {
  readonly netid: Exclude<NetId, 'local'>;
  /** Default: the wildcard address. */
  readonly address?: string;
  readonly port: number;
  readonly uid: number;
  /** Whether an IPv6 wildcard socket also accepts IPv4. */
  readonly takesIpv4?: boolean;
}

export interface OpenSimSocket extends HeldSocket {
  close(): void;
}

interface Held {
  readonly socket: SimSocket;
  readonly address: IpAddress;
  readonly inode: number;
}

const WILDCARDS = { inet: '0.0.0.0', inet6: '::', loopback: '' } as const;

/** The sockets of a network namespace. */
export class SimSocketTable implements SocketTable {
  readonly #held = new Set<Held>();
  #nextInode = 1000;

  /** Opens a socket of a user. Throws PortreeveError (bug) if the address is invalid. */
  open(socket: SimSocket): OpenSimSocket {
    const text = socket.address ?? WILDCARDS[netIdInfo(socket.netid).family];
    const address = parseIp(text);
    if (!address) throw new PortreeveError('NO_ADDRESS', `"${text}" is not an address`);
    const held = { socket, address, inode: this.#nextInode++ };
    this.#held.add(held);
    return { uid: socket.uid, inode: held.inode, close: () => void this.#held.delete(held) };
  }

  at(netid: Exclude<NetId, 'local'>, address: IpAddress, port: number): HeldSocket[] {
    return [...this.#held]
      .filter((held) => held.socket.port === port && reaches(held, netid, address))
      .map(({ socket, inode }) => ({ uid: socket.uid, inode }));
  }
}

function reaches(held: Held, netid: NetId, address: IpAddress): boolean {
  const wanted = netIdInfo(netid);
  const own = netIdInfo(held.socket.netid);
  if (own.protocol !== wanted.protocol) return false;
  if (own.family !== wanted.family) return wanted.family === 'inet' && held.socket.takesIpv4 === true;
  return isWildcard(held.address) || isWildcard(address) || formatIp(held.address) === formatIp(address);
}
