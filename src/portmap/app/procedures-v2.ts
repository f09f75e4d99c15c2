// The procedures of version 2 (RFC 1833 section 3.2).
import type { IpAddress } from '../../base/address.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import { isPort } from '../../base/port.ts';
import { formatUaddr, serviceAddress } from '../../wire/uaddr.ts';
import type { RequestedAddress } from '../core/refusals.ts';
import { decodeMapping, type Mapping, PMAPPROC, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/portmap.ts';
import { callIt } from './callit.ts';
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
} from './procedure.ts';

/** A mapping has no address: its service listens on all addresses. */
const ANY: IpAddress = { family: 4, bytes: new Uint8Array(4) };

/** The transport of a protocol number. */
function netIdOfProtocol(protocol: number): NetId | undefined {
  if (protocol === PROTOCOL_UDP) return 'udp';
  return protocol === PROTOCOL_TCP ? 'tcp' : undefined;
}

/** The transport and address of a mapping. */
function addressOf({ protocol, port }: Mapping): RequestedAddress {
  const netid = netIdOfProtocol(protocol);
  if (netid && isPort(port)) return { netid, ...serviceAddress({ address: ANY, port }) };
  const uaddr = isPort(port) ? formatUaddr({ address: ANY, port }) : `port ${port}`;
  if (netid) return { refused: 'ADDRESS_INVALID', netid, uaddr };
  return { refused: 'NETID_UNKNOWN', netid: `protocol ${protocol}`, uaddr };
}

const set = changing('sets', (tables, call) => {
  const mapping = decodeMapping(call.args);
  const { program, version } = mapping;
  return setRegistration(tables, call, { program, version, ...addressOf(mapping) });
});

/** Protocol and port are ignored: both transports are removed (RFC 1833 section 3.2). */
const unset = changing('unsets', (tables, call) => {
  const { program, version } = decodeMapping(call.args);
  return unsetRegistrations(tables, call, { program, version, netids: ['udp', 'tcp'] });
});

/** The port, or 0 if the program is not registered. */
function getPort(tables: PortmapTables, call: CallContext): Outcome {
  const { args } = call;
  const program = args.u32();
  const version = args.u32();
  const netid = netIdOfProtocol(args.u32());
  args.u32(); // The port is ignored.
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

/** By procedure number. */
export const PROCEDURES_V2: readonly (Procedure | undefined)[] = byNumber([
  [PMAPPROC.NULL, ping],
  [PMAPPROC.SET, set],
  [PMAPPROC.UNSET, unset],
  [PMAPPROC.GETPORT, getPort],
  [PMAPPROC.DUMP, dumping((dumps) => dumps.version2())],
  [PMAPPROC.CALLIT, callIt],
]);
