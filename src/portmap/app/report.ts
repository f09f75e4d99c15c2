// The status of the port mapper: the member `portmap` of GET /v1/status on status.sock.
import type { NetId } from '../../base/netid.ts';

interface SocketStatus {
  readonly netid: NetId;
  /** As text: "127.0.0.1:111", "[::1]:111", a path, or "@" and an abstract name. */
  readonly endpoint: string;
}

export interface PortmapReport {
  /** `running`; `starting`; `waiting`: it died and will be restarted; `stopping`. */
  readonly state: string;
  /** The process that answers the network, and its uid; null while there is none. */
  readonly pid: number | null;
  readonly uid: number | null;
  readonly rssBytes: number | null;
  readonly restarts: number;
  /** The confinement mechanisms that this host does not support; null while unknown. */
  readonly unconfined: readonly string[] | null;
  readonly sockets: readonly SocketStatus[];
  /** Loopback endpoints whose address family this host does not have. */
  readonly absent: readonly string[];
  readonly mappings: number | null;
  /** How many of these were made from other network namespaces and cannot be checked. */
  readonly foreign: number | null;
  /** Recent refusals, oldest first, as in the log. */
  readonly refusals: readonly string[];
  readonly connections: number | null;
  /** Answers over UDP that the kernel did not accept. */
  readonly unsent: number | null;
  /** Changes over UDP that were not answered because they had waited too long. */
  readonly late: number | null;
  /** Calls by version of the protocol and procedure number. */
  readonly calls: Readonly<Record<string, readonly number[]>> | null;
}
