// What the daemon and its portmap process say to each other: one JSON object a line.
import type { NetId } from '../base/netid.ts';
import type { PortmapEvent } from '../services/portmap/procedure.ts';

/** A socket that the portmap process finds among its descriptors. */
export interface GivenSocket {
  readonly fd: number;
  readonly netid: NetId;
  /** The address in text that it is bound to; the path for a Unix socket. */
  readonly address: string;
}

/** An entry of portmap's own. */
export interface OwnEntry {
  readonly netid: NetId;
  readonly version: number;
  readonly uaddr: string;
  readonly port: number;
}

/** To the portmap process. */
export type ToPortmap =
  | {
      readonly type: 'serve';
      readonly sockets: readonly GivenSocket[];
      readonly routeFd: number;
      readonly own: readonly OwnEntry[];
    }
  | { readonly type: 'status'; readonly id: number };

/** What the portmap process tells of itself. */
export interface PortmapStatus {
  readonly mappings: number;
  readonly connections: number;
  /** Answers over UDP that the kernel did not take. */
  readonly unsent: number;
  /** Calls by version of the protocol and procedure number. */
  readonly calls: Readonly<Record<string, readonly number[]>>;
}

/** From the portmap process. */
export type FromPortmap =
  | { readonly type: 'ready'; readonly missing: readonly string[] }
  | { readonly type: 'event'; readonly event: PortmapEvent }
  | ({ readonly type: 'status'; readonly id: number } & PortmapStatus);
