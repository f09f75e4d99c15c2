// A socket as JSON has it: for `portreeve ports --json`, and for whoever asks the daemon.
import { formatIp } from '../../base/address.ts';
import type { SocketEnd, SocketOwner, SocketState } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import type { Seen, SeenSocket } from '../core/seen.ts';

/** One end of a socket. */
export interface EndRecord {
  readonly address: string;
  readonly port: number;
}

/** A process that has a socket open. */
export interface OwnerRecord {
  readonly pid: number;
  readonly name: string;
  /** When it was started, in clock ticks since boot. These four are there where all was asked for. */
  readonly startTicks?: number;
  readonly command?: string;
  readonly uid?: number;
  readonly cgroup?: string | null;
}

/** A socket; null is what it has not, or what cannot be told. */
export interface PortRecord extends EndRecord {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly remote: EndRecord | null;
  readonly v6Only: boolean;
  /** The index of its interface, 0 if it belongs to none. */
  readonly interface: number;
  readonly inode: number;
  readonly uid: number | null;
  readonly user: string | null;
  readonly unit: string | null;
  readonly container: { readonly runtime: string; readonly id: string } | null;
  /** Where docker's proxy sends what comes in. */
  readonly forwardsTo: EndRecord | null;
  readonly job: string;
  /** How long TIME_WAIT still lasts, in milliseconds. */
  readonly expiresMs: number | null;
  /** The oldest first. */
  readonly owners: readonly OwnerRecord[];
}

/** What was seen, as records. */
export interface PortsSeen {
  readonly ports: readonly PortRecord[];
  /** How many processes did not let us look. */
  readonly notSeen: number;
}

/** `isFull`: with what costs more, the start, command, user and cgroup of each owner. */
export function portsSeen({ sockets, notSeen }: Seen, isFull: boolean): PortsSeen {
  return { ports: sockets.map((seen) => portRecord(seen, isFull)), notSeen };
}

/** One socket; see portsSeen(). */
export function portRecord(seen: SeenSocket, isFull: boolean): PortRecord {
  const { socket, owners, user = null, unit = null, container = null, forwardsTo, job } = seen;
  const {
    protocol,
    state,
    local,
    remote,
    v6Only,
    interfaceIndex,
    inode,
    uid = null,
    expiresMs = null,
  } = socket;
  return {
    protocol,
    address: formatIp(local.address),
    port: local.port,
    state,
    remote: remote === undefined ? null : endRecord(remote),
    v6Only,
    interface: interfaceIndex,
    inode,
    uid,
    user,
    unit,
    container,
    forwardsTo: forwardsTo === undefined ? null : endRecord(forwardsTo),
    job,
    expiresMs,
    owners: owners.map(isFull ? fullOwner : briefOwner),
  };
}

function endRecord({ address, port }: SocketEnd): EndRecord {
  return { address: formatIp(address), port };
}

function briefOwner({ pid, name }: SocketOwner): OwnerRecord {
  return { pid, name };
}

function fullOwner({ pid, name, startTicks, command, uid, cgroup }: SocketOwner): OwnerRecord {
  return { pid, name, startTicks, command, uid, cgroup: cgroup ?? null };
}
