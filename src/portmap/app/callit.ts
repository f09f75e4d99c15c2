// CALLIT, BCAST and INDIRECT. Calls are never forwarded, so that a caller cannot borrow the port mapper's identity.
import { netIdInfo } from '../../base/netid.ts';
import { decodeCallItArgs, PORTMAP_PROGRAM } from '../wire/portmap.ts';
import { ACCEPT, writeAccepted, writeProgMismatch } from '../wire/rpc.ts';
import { XdrError } from '../wire/xdr.ts';
import { type CallContext, OUTCOME, type Outcome, type PortmapTables } from './procedure.ts';

/**
 * The procedures that trust the source of a call: all of the port mapper, NFS, rquotad and yppasswdd, MNT and UMNT of
 * mountd, and the lookups of YP. As Debian's rpcbind does, they are refused with AUTH_TOOWEAK.
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

/** CALLIT and BCAST: no answer (RFC 1833 section 3.2: errors are silent), except AUTH_TOOWEAK. */
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

/** INDIRECT: as CALLIT, but it reports errors (RFC 1833 section 2.2.1). On a stream it is silent, as rpcbind is. */
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

/** The header of an accepted reply, which is already written before the results. */
const SUCCESS_HEAD_BYTES = 24;
