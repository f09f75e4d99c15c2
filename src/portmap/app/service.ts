// The port mapper service: decodes one request, dispatches it to its procedure, and writes the answer.
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import type { InterfaceAddress, Peer } from '../../base/peer.ts';
import type { RequestHandler } from '../../host/host.ts';
import { DumpCache } from '../core/dump.ts';
import { Reachability } from '../core/reach.ts';
import type { Registration } from '../core/registrations.ts';
import { Statistics } from '../core/statistics.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import {
  ACCEPT,
  AUTH_STAT,
  CallHead,
  writeAccepted,
  writeAuthError,
  writeProgMismatch,
  writeRpcMismatch,
} from '../wire/rpc.ts';
import { STAT_PROCEDURES } from '../wire/rpcbind.ts';
import { XdrError, XdrReader, XdrWriter } from '../wire/xdr.ts';
import {
  type CallContext,
  OUTCOME,
  type Outcome,
  type PortmapTables,
  type Procedure,
  versionOf,
} from './procedure.ts';
import { PROCEDURES_V3, PROCEDURES_V4 } from './procedures-rpcbind.ts';
import { PROCEDURES_V2 } from './procedures-v2.ts';

/** The supported versions (RFC 1833), which PROG_MISMATCH returns. */
const VERSION_LOW = 2;
const VERSION_HIGH = 4;

/** The result for a message that is not a call (host.ts: RequestHandler). */
const NO_REQUEST = -1;

type PortmapOptions = Omit<PortmapTables, 'reach' | 'statistics' | 'dumps'>;

const NO_PEER: Peer = {
  netid: 'local',
  v4: 0,
  port: 0,
  scopeId: 0,
  address: () => undefined,
  localAddress: () => undefined,
  sender: () => ({ refused: 'UNKNOWN' }),
  isElsewhere: () => false,
};

/** Answers the requests of program 100000, versions 2, 3 and 4. */
export class PortmapService implements RequestHandler {
  readonly tables: PortmapTables;
  tail: Uint8Array | undefined;
  readonly #call: CallContext;

  constructor(options: PortmapOptions) {
    this.tables = {
      ...options,
      reach: new Reachability(),
      statistics: new Statistics(),
      dumps: new DumpCache(options.registrations),
    };
    const nothing = bytesOf(new Uint8Array(0));
    this.#call = {
      head: new CallHead(),
      args: new XdrReader(nothing),
      results: new XdrWriter(nothing),
      peer: NO_PEER,
      hint: '',
      tail: undefined,
    };
  }

  interfacesChanged(addresses: readonly InterfaceAddress[]): void {
    this.tables.reach.update(addresses);
  }

  /** Adds an entry of the port mapper itself, which cannot be removed. */
  addBuiltIn(registration: Omit<Registration, 'builtIn' | 'owner' | 'program'>): void {
    this.tables.registrations.set({ ...registration, program: PORTMAP_PROGRAM, owner: 0, builtIn: true });
  }

  answer(
    peer: Peer,
    request: Bytes,
    start: number,
    end: number,
    reply: Bytes,
    at: number,
    limit: number,
  ): number {
    const call = this.#call;
    call.args.reset(request, start, end);
    call.results.reset(reply, at, limit);
    call.peer = peer;
    call.tail = undefined;
    this.tail = undefined;
    const verdict = call.head.read(call.args);
    if (verdict === 'not-a-call') return NO_REQUEST;
    if (verdict !== 'call') return this.#refuse(call, verdict, at);
    const isAnswered = this.#dispatch(call, reply, at, limit);
    this.tail = call.tail;
    return isAnswered ? call.results.at - at : 0;
  }

  /** Writes the reply to a denied call; returns its length. */
  #refuse(call: CallContext, verdict: 'rpc-mismatch' | 'auth-error', at: number): number {
    if (verdict === 'rpc-mismatch') writeRpcMismatch(call.results, call.head.xid);
    else writeAuthError(call.results, call.head.xid, call.head.authStat);
    return call.results.at - at;
  }

  /** Calls the procedure and writes its answer; false if none is to be sent. */
  #dispatch(call: CallContext, reply: Bytes, at: number, limit: number): boolean {
    const { head, results } = call;
    if (head.program !== PORTMAP_PROGRAM) {
      writeAccepted(results, head.xid, ACCEPT.PROG_UNAVAIL);
      return true;
    }
    if (head.version < VERSION_LOW || head.version > VERSION_HIGH) {
      writeProgMismatch(results, head.xid, VERSION_LOW, VERSION_HIGH);
      return true;
    }
    const outcome = this.#run(call);
    if (outcome === OUTCOME.answered) return true;
    call.tail = undefined;
    if (outcome === OUTCOME.silent) return false;
    results.reset(reply, at, limit);
    if (outcome === OUTCOME.tooWeak) writeAuthError(results, head.xid, AUTH_STAT.TOOWEAK);
    else writeAccepted(results, head.xid, ACCEPT_STAT_OF[outcome]);
    return true;
  }

  #run(call: CallContext): Outcome {
    const { head, results } = call;
    const version = versionOf(call);
    const procedure = PROCEDURES[version][head.procedure];
    if (!procedure) return OUTCOME.unavailable;
    const counters = this.tables.statistics.of(version);
    if (head.procedure < STAT_PROCEDURES)
      counters.calls[head.procedure] = (counters.calls[head.procedure] ?? 0) + 1;
    writeAccepted(results, head.xid, ACCEPT.SUCCESS);
    try {
      return procedure(this.tables, call);
    } catch (thrown) {
      // A bug in one call must not end the service for all: it is reported, and the call is answered SYSTEM_ERR.
      if (!(thrown instanceof XdrError)) return this.#fault(thrown);
      return thrown.code === 'XDR_NO_ROOM' ? OUTCOME.failed : OUTCOME.garbage;
    }
  }

  #fault(thrown: unknown): Outcome {
    this.tables.events.fault(thrown);
    return OUTCOME.failed;
  }
}

const PROCEDURES: Readonly<Record<2 | 3 | 4, readonly (Procedure | undefined)[]>> = {
  2: PROCEDURES_V2,
  3: PROCEDURES_V3,
  4: PROCEDURES_V4,
};

const ACCEPT_STAT_OF = {
  [OUTCOME.garbage]: ACCEPT.GARBAGE_ARGS,
  [OUTCOME.unavailable]: ACCEPT.PROC_UNAVAIL,
  [OUTCOME.failed]: ACCEPT.SYSTEM_ERR,
} as const;
