// What the daemon and its portmap process say to each other: one JSON object a line.
import type { NetId } from '../base/netid.ts';
import type { EventCounts, PortmapEvent } from '../services/portmap/events.ts';
import type { SetAside } from '../services/portmap/journal.ts';
import type { OwnEntry, PortmapperReport } from '../services/portmap/portmapper.ts';
import type { LoggedSet } from '../wire/registration-log.ts';

/** A socket that the portmap process finds among its descriptors. */
export interface GivenSocket {
  readonly fd: number;
  readonly netid: NetId;
  /** The address in text that it is bound to; the path for a Unix socket. */
  readonly address: string;
}

/** To the portmap process. */
export type ToPortmap =
  | {
      readonly type: 'serve';
      readonly sockets: readonly GivenSocket[];
      /** A routing netlink socket, and one of sock_diag. */
      readonly routeFd: number;
      readonly diagFd: number;
      /** net.ipv4.ip_unprivileged_port_start, and the record of the UDP ports that the guard grants. */
      readonly privilegedStartFd?: number | undefined;
      readonly grantedFd?: number | undefined;
      /** The two files of the log of registrations, and whose they have to be. */
      readonly logFds: readonly [number, number];
      readonly stamp: string;
      /** Registrations of another port mapper, to begin with. */
      readonly carried: readonly LoggedSet[];
      readonly own: readonly OwnEntry[];
    }
  /** The files that were to be set aside have been: they may be written over. */
  | { readonly type: 'aside' }
  | { readonly type: 'status'; readonly id: number };

/** What the portmap process tells of itself. */
export interface PortmapStatus extends PortmapperReport {
  readonly connections: number;
  /** Answers over UDP that the kernel did not take. */
  readonly unsent: number;
  /** Changes over UDP that were not answered because they had waited too long. */
  readonly late: number;
}

/** From the portmap process. */
export type FromPortmap =
  | { readonly type: 'ready'; readonly missing: readonly string[]; readonly logFailure: string }
  | { readonly type: 'set-aside'; readonly files: readonly SetAside[] }
  | { readonly type: 'restored'; readonly count: number }
  | { readonly type: 'event'; readonly event: PortmapEvent }
  | { readonly type: 'more'; readonly counts: EventCounts }
  | { readonly type: 'fault'; readonly stack: string }
  | ({ readonly type: 'status'; readonly id: number } & PortmapStatus);
