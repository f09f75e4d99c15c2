// The procedures of versions 3 and 4 (RFC 1833 section 2.2.1).
import { type NetId, netIdInfo, parseNetId } from '../../base/netid.ts';
import {
  decodeLocalSockaddr,
  decodeSockaddr,
  encodeLocalSockaddr,
  encodeSockaddr,
  SOCKADDR_UN_BYTES,
} from '../../wire/sockaddr.ts';
import { formatUaddr, isLocalUaddr, parseServiceAddress, parseUaddr } from '../../wire/uaddr.ts';
import { mayDump } from '../core/callers.ts';
import type { RequestedAddress } from '../core/refusals.ts';
import {
  ADDRESS_MAX_BYTES,
  decodeNetbuf,
  decodeRpcb,
  encodeNetbuf,
  encodeRpcbStat,
  NETID_MAX_BYTES,
  OWNER_MAX_BYTES,
  RPCBPROC,
  type Rpcb,
} from '../wire/rpcbind.ts';
import { callIt, indirect } from './callit.ts';
import { setRegistration, unsetRegistrations } from './changes.ts';
import {
  byNumber,
  type CallContext,
  changing,
  dumping,
  OUTCOME,
  type Outcome,
  type PortmapTables,
  type Procedure,
  ping,
  versionOf,
} from './procedure.ts';

const set = changing('sets', (tables, call) => {
  const rpcb = decodeRpcb(call.args);
  const { program, version } = rpcb;
  return setRegistration(tables, call, { program, version, ...addressOf(rpcb) });
});

function addressOf({ netid: text, address: uaddr }: Rpcb): RequestedAddress {
  const netid = parseNetId(text);
  if (netid === undefined) return { refused: 'NETID_UNKNOWN', netid: text, uaddr };
  const address = parseServiceAddress(netid, uaddr);
  return address ? { netid, ...address } : { refused: 'ADDRESS_INVALID', netid, uaddr };
}

/** An empty netid means every transport; the address is ignored. An unknown netid matches nothing: TRUE. */
const unset = changing('unsets', (tables, call) => {
  const { program, version, netid } = decodeRpcb(call.args);
  const named = parseNetId(netid);
  const netids: readonly NetId[] | undefined = netid === '' ? undefined : named ? [named] : [];
  return unsetRegistrations(tables, call, netids ? { program, version, netids } : { program, version });
});

/**
 * The address for the transport of the call; empty if there is none. The netid of the request is ignored, because
 * clients send anything. `exactly`: GETVERSADDR returns this version only, GETADDR another one as well.
 */
function getAddress(tables: PortmapTables, call: CallContext, exactly: boolean): Outcome {
  const { args } = call;
  const program = args.u32();
  const version = args.u32();
  args.skip(NETID_MAX_BYTES);
  call.hint = args.string(ADDRESS_MAX_BYTES, call.hint);
  args.skip(OWNER_MAX_BYTES);
  const { index } = netIdInfo(call.peer.netid);
  const { registrations } = tables;
  const found = exactly
    ? registrations.exact(program, version, index)
    : registrations.find(program, version, index);
  tables.statistics.of(versionOf(call)).lookup(program, version, index, found !== undefined);
  call.results.string(found ? tables.reach.uaddrFor(found, call.peer, call.hint) : '');
  return OUTCOME.answered;
}

/** Seconds since 1970, modulo 2^32. */
function getTime(tables: PortmapTables, call: CallContext): Outcome {
  call.results.u32(Math.floor(tables.clock.now() / 1000) >>> 0);
  return OUTCOME.answered;
}

/** An address that cannot be parsed results in an empty one, not an error, as in Debian's and Sun's rpcbind. */
function uaddrToTaddr(_tables: PortmapTables, call: CallContext): Outcome {
  const uaddr = call.args.string(ADDRESS_MAX_BYTES);
  if (isLocalUaddr(uaddr)) {
    encodeNetbuf(call.results, { maxlen: SOCKADDR_UN_BYTES, bytes: encodeLocalSockaddr(uaddr) });
    return OUTCOME.answered;
  }
  const endpoint = parseUaddr(uaddr);
  const bytes = endpoint ? encodeSockaddr(endpoint) : new Uint8Array(0);
  encodeNetbuf(call.results, { maxlen: bytes.length, bytes });
  return OUTCOME.answered;
}

function taddrToUaddr(_tables: PortmapTables, call: CallContext): Outcome {
  const { bytes } = decodeNetbuf(call.args);
  const endpoint = decodeSockaddr(bytes);
  call.results.string(endpoint ? formatUaddr(endpoint) : (decodeLocalSockaddr(bytes) ?? ''));
  return OUTCOME.answered;
}

/** Every transport of the caller's protocol family, for this version only. */
function getAddressList(tables: PortmapTables, call: CallContext): Outcome {
  const { program, version, address } = decodeRpcb(call.args);
  const { family } = netIdInfo(call.peer.netid);
  for (const netid of ADDRESS_LIST_NETIDS[family]) {
    const info = netIdInfo(netid);
    const found = tables.registrations.exact(program, version, info.index);
    if (!found) continue;
    call.results.bool(true);
    call.results.string(tables.reach.uaddrFor(found, call.peer, address));
    call.results.string(netid);
    call.results.u32(info.semantics);
    call.results.string(info.family);
    call.results.string(info.protocol);
  }
  call.results.bool(false);
  return OUTCOME.answered;
}

/** Empty for loopback, as in Debian's rpcbind. */
const ADDRESS_LIST_NETIDS = { inet: ['udp', 'tcp'], inet6: ['udp6', 'tcp6'], loopback: [] } as const;

function getStatistics(tables: PortmapTables, call: CallContext): Outcome {
  if (!mayDump(tables.reach, call.peer)) return OUTCOME.silent;
  for (const stat of tables.statistics.snapshot()) encodeRpcbStat(call.results, stat);
  return OUTCOME.answered;
}

const COMMON: readonly (readonly [number, Procedure])[] = [
  [RPCBPROC.NULL, ping],
  [RPCBPROC.SET, set],
  [RPCBPROC.UNSET, unset],
  [RPCBPROC.GETADDR, (tables, call) => getAddress(tables, call, false)],
  [RPCBPROC.DUMP, dumping((dumps) => dumps.rpcbind())],
  [RPCBPROC.CALLIT, callIt],
  [RPCBPROC.GETTIME, getTime],
  [RPCBPROC.UADDR2TADDR, uaddrToTaddr],
  [RPCBPROC.TADDR2UADDR, taddrToUaddr],
];

/** By procedure number. */
export const PROCEDURES_V3: readonly (Procedure | undefined)[] = byNumber(COMMON);
export const PROCEDURES_V4: readonly (Procedure | undefined)[] = byNumber([
  ...COMMON,
  [RPCBPROC.GETVERSADDR, (tables, call) => getAddress(tables, call, true)],
  [RPCBPROC.INDIRECT, indirect],
  [RPCBPROC.GETADDRLIST, getAddressList],
  [RPCBPROC.GETSTAT, getStatistics],
]);
