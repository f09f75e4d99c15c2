// What a procedure of the port mapper gets, gives and reports: the words that all of them share.
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

/** What a procedure makes of a call. */
export const OUTCOME = {
  /** The results are written. */
  answered: 0,
  /** There is to be no answer. */
  silent: 1,
  /** The arguments could not be decoded, or are none. */
  garbage: 2,
  /** This transport, or this version, has no such procedure. */
  unavailable: 3,
  /** The caller may not do that: AUTH_TOOWEAK. */
  tooWeak: 4,
  /** It cannot be done: SYSTEM_ERR. */
  failed: 5,
} as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/** What a procedure works with: one object, filled for each call. */
export interface CallContext {
  readonly head: CallHead;
  readonly args: XdrReader;
  readonly results: XdrWriter;
  peer: Peer;
  /** The address that the latest caller says he contacted: kept from call to call, because most say the same. */
  hint: string;
  /** A result that is not copied: sent behind what is written to `results`. */
  tail: Uint8Array | undefined;
}

/** What the procedures look things up in, and whom they tell of changes. */
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

/** A procedure of the port mapper. SUCCESS stands already in front of its results. */
export type Procedure = (tables: PortmapTables, call: CallContext) => Outcome;

/** The version of the protocol that a call is of; others were answered PROG_MISMATCH. */
export function versionOf({ head }: CallContext): 2 | 3 | 4 {
  return head.version === 2 ? 2 : head.version === 3 ? 3 : 4;
}

/**
 * SET or UNSET, counted where it was done. Only a caller that may change anything is heard; one whose request came too
 * late receives no answer, and so sends it again.
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

/** The one procedure that every version has: it answers, and that is all. */
export const ping: Procedure = () => OUTCOME.answered;

/** A table of procedures, in which a number that has none has a hole. */
export function byNumber(entries: readonly (readonly [number, Procedure])[]): (Procedure | undefined)[] {
  const table: (Procedure | undefined)[] = [];
  for (const [number, procedure] of entries) table[number] = procedure;
  return table;
}

/**
 * DUMP. A datagram has to hold the whole; where it cannot, SYSTEM_ERR sends the caller to a stream, on which the dump
 * follows uncopied.
 */
export function dumping(dump: (dumps: DumpCache) => Uint8Array): Procedure {
  return (tables, call) => {
    if (!mayDump(tables.reach, call.peer)) return OUTCOME.silent;
    if (isDatagram(call.peer)) call.results.fixed(dump(tables.dumps));
    else call.tail = dump(tables.dumps);
    return OUTCOME.answered;
  };
}
