// The interface of a procedure of the port mapper, and the procedures that all versions share.
import type { Clock } from '../../base/clock.ts';
import type { Peer } from '../../base/peer.ts';
import type { SocketTable } from '../../host/host.ts';
import { isDatagram, mayChange, mayDump } from '../core/callers.ts';
import type { DumpCache } from '../core/dump.ts';
import type { EventGate } from '../core/events.ts';
import type { Liveness } from '../core/liveness.ts';
import type { Reachability } from '../core/reach.ts';
import type { Refusal } from '../core/refusals.ts';
import type { Registrations } from '../core/registrations.ts';
import type { Statistics } from '../core/statistics.ts';
import type { CallHead } from '../wire/rpc.ts';
import type { XdrReader, XdrWriter } from '../wire/xdr.ts';

/** The outcome of a procedure. */
export const OUTCOME = {
  /** The results have been written. */
  answered: 0,
  /** No answer is sent. */
  silent: 1,
  /** The arguments could not be decoded: GARBAGE_ARGS. */
  garbage: 2,
  /** This version has no such procedure: PROC_UNAVAIL. */
  unavailable: 3,
  /** The caller is not permitted to do this: AUTH_TOOWEAK. */
  tooWeak: 4,
  /** The procedure failed: SYSTEM_ERR. */
  failed: 5,
} as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/** The arguments and results of a call. One object is reused for all calls. */
export interface CallContext {
  readonly head: CallHead;
  readonly args: XdrReader;
  readonly results: XdrWriter;
  peer: Peer;
  /** The address hint of the latest call. Kept, because most callers send the same one (XdrReader.string). */
  hint: string;
  /** A result that is sent after `results` without a copy. */
  tail: Uint8Array | undefined;
}

/** The state that all procedures share. */
export interface PortmapTables {
  readonly registrations: Registrations;
  readonly reach: Reachability;
  readonly statistics: Statistics;
  readonly dumps: DumpCache;
  readonly liveness: Liveness;
  readonly sockets: SocketTable;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly events: EventGate;
}

/** A procedure of the port mapper. The header of a SUCCESS reply has already been written. */
export type Procedure = (tables: PortmapTables, call: CallContext) => Outcome;

/** The version of the protocol of a call; other versions were answered PROG_MISMATCH. */
export function versionOf({ head }: CallContext): 2 | 3 | 4 {
  return head.version === 2 ? 2 : head.version === 3 ? 3 : 4;
}

/**
 * SET or UNSET, counted if it succeeds. A caller that may change nothing is answered AUTH_TOOWEAK. A request that
 * waited too long receives no answer, so that the client sends it again.
 */
export function changing(
  counter: 'sets' | 'unsets',
  change: (tables: PortmapTables, call: CallContext) => Refusal | undefined,
): Procedure {
  return (tables, call) => {
    if (!mayChange(call.peer)) return OUTCOME.tooWeak;
    const refusal = change(tables, call);
    if (refusal?.refused === 'LATE') return OUTCOME.silent;
    const isDone = refusal === undefined;
    if (isDone) tables.statistics.of(versionOf(call))[counter]++;
    call.results.bool(isDone);
    return OUTCOME.answered;
  };
}

/** NULL: answers without results. */
export const ping: Procedure = () => OUTCOME.answered;

/** An array of procedures by number, with holes. */
export function byNumber(entries: readonly (readonly [number, Procedure])[]): (Procedure | undefined)[] {
  const table: (Procedure | undefined)[] = [];
  for (const [number, procedure] of entries) table[number] = procedure;
  return table;
}

/**
 * DUMP. A datagram must hold the whole result; if it does not fit, SYSTEM_ERR makes the caller use a stream, on which
 * the dump is sent without a copy.
 */
export function dumping(dump: (dumps: DumpCache) => Uint8Array): Procedure {
  return (tables, call) => {
    if (!mayDump(tables.reach, call.peer)) return OUTCOME.silent;
    if (isDatagram(call.peer)) call.results.fixed(dump(tables.dumps));
    else call.tail = dump(tables.dumps);
    return OUTCOME.answered;
  };
}
