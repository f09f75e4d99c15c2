// What `portreeve status` reports of the port mapper: the part `portmap` of GET /v1/status on status.sock.
import type { NetId } from '../../base/netid.ts';

interface SocketStatus {
  readonly netid: NetId;
  /** As people write it: "127.0.0.1:111", "[::1]:111", a path, or "@" and an abstract name. */
  readonly endpoint: string;
}

export interface PortmapReport {
  /** `running`; `starting`; `waiting`: it died and is to be started again; `stopping`. */
  readonly state: string;
  /** The process that answers the network, and as whom; null while there is none. */
  readonly pid: number | null;
  readonly uid: number | null;
  readonly rssBytes: number | null;
  readonly restarts: number;
  /** What of its confinement this host cannot give; null while it is not known. */
  readonly unconfined: readonly string[] | null;
  readonly sockets: readonly SocketStatus[];
  /** Endpoints of families that this host does not have. */
  readonly absent: readonly string[];
  readonly mappings: number | null;
  /** Of these, the ones made from other network namespaces, which cannot be checked. */
  readonly elsewhere: number | null;
  /** What was refused lately, oldest first, as it stands in the log. */
  readonly refusals: readonly string[];
  readonly connections: number | null;
  /** Answers over UDP that the kernel did not take. */
  readonly unsent: number | null;
  /** Changes over UDP that were not answered because they had waited too long. */
  readonly late: number | null;
  /** Calls by version of the protocol, and by procedure number. */
  readonly calls: Readonly<Record<string, readonly number[]>> | null;
}
