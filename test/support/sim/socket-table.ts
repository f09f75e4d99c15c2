// Whose sockets a simulated host has: what a test opens and closes.
import { formatIp, type IpAddress, isWildcard, parseIp } from '../../../src/base/address.ts';
import { PortreeveError } from '../../../src/base/errors.ts';
import { type NetId, netIdInfo } from '../../../src/base/netid.ts';
import type { HeldSocket, SocketTable } from '../../../src/host/host.ts';

/** A socket to be opened. */
export interface SimSocket {
  readonly netid: Exclude<NetId, 'local'>;
  /** All addresses, if it is left out. */
  readonly address?: string;
  readonly port: number;
  readonly uid: number;
  /** An IPv6 socket on all addresses that takes IPv4 as well. */
  readonly takesIpv4?: boolean;
}

/** A socket that is open. */
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

  /** A process of that user opens a socket. Throws PortreeveError (bug) if the address is none. */
  open(socket: SimSocket): OpenSimSocket {
    const text = socket.address ?? WILDCARDS[netIdInfo(socket.netid).family];
    const address = parseIp(text);
    if (!address) throw new PortreeveError('NO_ADDRESS', `"${text}" is no address`);
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
