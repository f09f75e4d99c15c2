// CALLIT, BCAST and INDIRECT with forwarding off: nothing is ever called in another's name.
import { netIdInfo } from '../../base/netid.ts';
import { decodeCallItArgs, PORTMAP_PROGRAM } from '../wire/portmap.ts';
import { ACCEPT, writeAccepted, writeProgMismatch } from '../wire/rpc.ts';
import { XdrError } from '../wire/xdr.ts';
import { type CallContext, OUTCOME, type Outcome, type PortmapTables } from './procedure.ts';

/**
 * The procedures that are not forwarded even where forwarding is on, because they trust where a call comes from:
 * everything of the port mapper itself, NFS, rquotad and yppasswdd, mountd's MNT and UMNT, and the lookups of YP.
 * Debian's rpcbind refuses the same with AUTH_TOOWEAK.
 */
const PROTECTED: ReadonlyMap<number, 'all' | ReadonlySet<number>> = new Map<
  number,
  'all' | ReadonlySet<number>
>([
  [PORTMAP_PROGRAM, 'all'],
  [100003, 'all'],
  [100011, 'all'],
  [100009, 'all'],
  [100005, new Set([1, 3])],
  [100007, new Set([2])],
  [100004, new Set([3, 4, 5, 8])],
]);

function isProtected(program: number, procedure: number): boolean {
  const rule = procedure === 0 ? undefined : PROTECTED.get(program);
  return rule === 'all' || (rule?.has(procedure) ?? false);
}

/** CALLIT and BCAST: never an answer, but for what nobody may ask for (RFC 1833 section 3.2: errors are silent). */
export function callIt(_tables: PortmapTables, call: CallContext): Outcome {
  if (netIdInfo(call.peer.netid).semantics !== 1) return OUTCOME.silent;
  try {
    const { program, procedure } = decodeCallItArgs(call.args);
    return isProtected(program, procedure) ? OUTCOME.tooWeak : OUTCOME.silent;
  } catch (thrown) {
    if (thrown instanceof XdrError) return OUTCOME.silent;
    throw thrown;
  }
}

/** INDIRECT: as CALLIT, but the caller is told why not (RFC 1833 section 2.2.1). On a stream it is silent too. */
export function indirect(tables: PortmapTables, call: CallContext): Outcome {
  const { index, semantics } = netIdInfo(call.peer.netid);
  if (semantics !== 1) return OUTCOME.silent;
  const { program, version, procedure } = decodeCallItArgs(call.args);
  if (isProtected(program, procedure)) return OUTCOME.tooWeak;
  if (tables.registrations.exact(program, version, index)) return OUTCOME.failed;
  const other = tables.registrations.versions(program, index);
  call.results.at -= SUCCESS_HEAD_BYTES;
  if (other) writeProgMismatch(call.results, call.head.xid, other.low, other.high);
  else writeAccepted(call.results, call.head.xid, ACCEPT.PROG_UNAVAIL);
  return OUTCOME.answered;
}

/** The head of an accepted reply, which stands before a procedure's results. */
const SUCCESS_HEAD_BYTES = 24;
