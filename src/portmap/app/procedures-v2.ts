// The procedures of version 2 (RFC 1833 section 3.2).
import type { IpAddress } from '../../base/address.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import { isPort } from '../../base/port.ts';
import { formatUaddr, serviceAddress } from '../../wire/uaddr.ts';
import { mayChange } from '../core/callers.ts';
import type { RequestedPlace } from '../core/refusals.ts';
import { decodeMapping, type Mapping, PMAPPROC, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/portmap.ts';
import { callIt } from './callit.ts';
import { setRegistration, unsetRegistrations } from './changes.ts';
import {
  answerChange,
  answerDump,
  byNumber,
  type CallContext,
  OUTCOME,
  type Outcome,
  type PortmapTables,
  type Procedure,
  ping,
} from './procedure.ts';

/** A mapping names no address: its service is reached at all of the host. */
const ANY: IpAddress = { family: 4, bytes: new Uint8Array(4) };

/** The transport that a protocol number stands for. */
function netIdOfProtocol(protocol: number): NetId | undefined {
  if (protocol === PROTOCOL_UDP) return 'udp';
  return protocol === PROTOCOL_TCP ? 'tcp' : undefined;
}

/** Where a mapping says that its service is. */
function placeOf({ protocol, port }: Mapping): RequestedPlace {
  const netid = netIdOfProtocol(protocol);
  if (netid && isPort(port)) return { netid, ...serviceAddress({ address: ANY, port }) };
  const uaddr = isPort(port) ? formatUaddr({ address: ANY, port }) : `port ${port}`;
  if (netid) return { refused: 'ADDRESS_INVALID', netid, uaddr };
  return { refused: 'NETID_UNKNOWN', netid: `protocol ${protocol}`, uaddr };
}

function set(tables: PortmapTables, call: CallContext): Outcome {
  if (!mayChange(call.peer)) return OUTCOME.tooWeak;
  const mapping = decodeMapping(call.args);
  const { program, version } = mapping;
  const refusal = setRegistration(tables, call, { program, version, ...placeOf(mapping) });
  return answerChange(tables, call, 'sets', refusal);
}

/** Protocol and port are ignored: both transports go (RFC 1833 section 3.2). */
function unset(tables: PortmapTables, call: CallContext): Outcome {
  if (!mayChange(call.peer)) return OUTCOME.tooWeak;
  const { program, version } = decodeMapping(call.args);
  const refusal = unsetRegistrations(tables, call, { program, version, netids: ['udp', 'tcp'] });
  return answerChange(tables, call, 'unsets', refusal);
}

/** The port, or 0 where there is none. */
function getPort(tables: PortmapTables, call: CallContext): Outcome {
  const { args } = call;
  const program = args.u32();
  const version = args.u32();
  const netid = netIdOfProtocol(args.u32());
  args.u32(); // The port of the question means nothing.
  if (netid === undefined) {
    call.results.u32(0);
    return OUTCOME.answered;
  }
  const { index } = netIdInfo(netid);
  const found = tables.registrations.find(program, version, index);
  tables.statistics.of(2).lookup(program, version, index, found !== undefined);
  call.results.u32(found?.port ?? 0);
  return OUTCOME.answered;
}

function dump(tables: PortmapTables, call: CallContext): Outcome {
  return answerDump(tables, call, () => tables.dumps.version2());
}

/** By procedure number. */
export const PROCEDURES_V2: readonly (Procedure | undefined)[] = byNumber([
  [PMAPPROC.NULL, ping],
  [PMAPPROC.SET, set],
  [PMAPPROC.UNSET, unset],
  [PMAPPROC.GETPORT, getPort],
  [PMAPPROC.DUMP, dump],
  [PMAPPROC.CALLIT, callIt],
]);
