/** The vectors of portmap: requests, the answers of Debian's rpcbind 1.2.6, and the differences of portreeve. */

import { readdirSync, readFileSync } from 'node:fs';
import type { NetId } from '../../src/base/netid.ts';
import { ip, portmapService, RECORDED_AT_SECONDS } from './service.ts';
import { simPeer } from './sim/peer.ts';

/** The answer. */
export interface Answer {
  /** In hexadecimal; null for silence. */
  readonly reply: string | null;
  /** The connection was closed. */
  readonly closed?: boolean;
}

/** One request and its answer. */
export interface Vector extends Answer {
  readonly name: string;
  readonly transport: NetId;
  /** The source and destination addresses, if not loopback. */
  readonly from?: string;
  readonly fromPort?: number;
  readonly to?: string;
  /** The uid of a caller on the Unix socket, if not root. */
  readonly uid?: number;
  /** In hexadecimal: a message; with `isStream` the bytes of a connection, record marks included, as is the reply. */
  readonly request: string;
  readonly isStream?: boolean;
}

/** Consecutive vectors on one new port mapper. */
export interface VectorFile {
  readonly name: string;
  /** Addresses of the host in addition to loopback, with prefix lengths, each on its own interface. */
  readonly addresses: readonly string[];
  readonly vectors: readonly Vector[];
}

/** A difference from rpcbind: the answer of portreeve, and the row of docs/portmap.md with the reason. */
export interface Difference extends Answer {
  readonly file: string;
  readonly vector: string;
  readonly difference: string;
}

const FOLDER = new URL('../vectors/portmap/', import.meta.url);
const DIFFERENCES = new URL('../vectors/portmap-differences.json', import.meta.url);

/** All files of vectors. */
export function vectorFiles(): VectorFile[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => {
      const content = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Omit<VectorFile, 'name'>;
      return { name: file.replace('.json', ''), ...content };
    });
}

export function differences(): Difference[] {
  return JSON.parse(readFileSync(DIFFERENCES, 'utf8')) as Difference[];
}

const hex = (bytes: Uint8Array): string | null =>
  bytes.length > 0 ? Buffer.from(bytes).toString('hex') : null;

/**
 * The user who calls over IP. rpcbind takes a caller as root if its port is below 1024, and as unknown otherwise: here
 * it is root, or a user who does not occur elsewhere in the vectors.
 */
const callerOverIp = (port: number): number => (port < 1024 ? 0 : 1500);

/** The answers of portreeve to the vectors of a file, in process. */
export function replay(file: VectorFile): Answer[] {
  const portmap = portmapService(file.addresses);
  return file.vectors.map((vector) => {
    const { transport, from, to, fromPort = 40_000 } = vector;
    const uid = vector.uid ?? (transport === 'local' ? 0 : callerOverIp(fromPort));
    const address = from ?? to;
    const peer = simPeer(transport, {
      ...(address === undefined ? {} : { address: ip(address) }),
      ...(to === undefined ? {} : { to: ip(to) }),
      uid,
      port: fromPort,
    });
    const request = Buffer.from(vector.request, 'hex');
    if (!vector.isStream) return { reply: hex(portmap.ask(peer, request) ?? new Uint8Array(0)) };
    const { reply, taken } = portmap.callStream(peer, request);
    return taken < 0 ? { reply: hex(reply), closed: true } : { reply: hex(reply) };
  });
}

/** The answer to GETTIME at the time of the recording; every other answer unchanged. */
export function atRecordedTime(vector: Vector, reply: string | null): string | null {
  const version = vector.request.slice(32, 40);
  const procedure = vector.request.slice(40, 48);
  if (reply === null || version === '00000002' || procedure !== '00000006') return reply;
  return reply.slice(0, -8) + RECORDED_AT_SECONDS.toString(16);
}
