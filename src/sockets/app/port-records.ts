// The JSON record of a socket, for `portreeve ports --json` and for clients of the daemon.
import { formatIp } from '../../base/address.ts';
import type { SocketEnd, SocketOwner, SocketState } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import type { ListedSocket, SocketSnapshot } from '../core/socket-snapshot.ts';

export interface EndRecord {
  readonly address: string;
  readonly port: number;
}

/** A process that has the socket open. */
export interface OwnerRecord {
  readonly pid: number;
  readonly name: string;
  /** The start time in clock ticks since boot. This and the following fields are only in full records. */
  readonly startTicks?: number;
  readonly command?: string;
  readonly uid?: number;
  readonly cgroup?: string | null;
}

/** A socket; null means absent or unknown. */
export interface PortRecord extends EndRecord {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly remote: EndRecord | null;
  readonly v6Only: boolean;
  /** The index of the interface that it is bound to, or 0. */
  readonly interface: number;
  readonly inode: number;
  readonly uid: number | null;
  readonly user: string | null;
  readonly unit: string | null;
  readonly container: { readonly runtime: string; readonly id: string } | null;
  /** The destination to which docker-proxy forwards. */
  readonly forwardsTo: EndRecord | null;
  readonly job: string;
  /** The remaining time in TIME_WAIT, in milliseconds. */
  readonly expiresMs: number | null;
  /** Oldest first. */
  readonly owners: readonly OwnerRecord[];
}

export interface PortsReport {
  readonly ports: readonly PortRecord[];
  /** The number of processes whose sockets could not be read. */
  readonly hiddenProcesses: number;
}

/** `isFull` adds the start time, command, user, and cgroup of each owner, which take longer to read. */
export function portsReport({ sockets, hiddenProcesses }: SocketSnapshot, isFull: boolean): PortsReport {
  return { ports: sockets.map((seen) => portRecord(seen, isFull)), hiddenProcesses };
}

/** See portsReport(). */
export function portRecord(seen: ListedSocket, isFull: boolean): PortRecord {
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
