// The procedures of version 2 (RFC 1833 section 3.2).
import { netIdInfo } from '../../base/netid.ts';
import { isPort } from '../../base/port.ts';
import { portSuffix } from '../../wire/uaddr.ts';
import { mayChange } from '../core/callers.ts';
import { decodeMapping, PMAPPROC } from '../wire/portmap.ts';
import { callIt } from './callit.ts';
import { netIdOfProtocol, setRegistration, unsetRegistrations } from './changes.ts';
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

/** The address that a mapping stands for; a port that is none becomes a text that is refused, and told in the log. */
function mappingAddress(port: number): string {
  return isPort(port) ? `0.0.0.0${portSuffix(port)}` : `port ${port}`;
}

function set(tables: PortmapTables, call: CallContext): Outcome {
  if (!mayChange(call.peer)) return OUTCOME.tooWeak;
  const { program, version, protocol, port } = decodeMapping(call.args);
  const netid = netIdOfProtocol(protocol) ?? `protocol ${protocol}`;
  const changed = setRegistration(tables, call, { program, version, netid, address: mappingAddress(port) });
  return answerChange(tables, call, 'sets', changed);
}

/** Protocol and port are ignored: both transports go (RFC 1833 section 3.2). */
function unset(tables: PortmapTables, call: CallContext): Outcome {
  if (!mayChange(call.peer)) return OUTCOME.tooWeak;
  const { program, version } = decodeMapping(call.args);
  const changed = unsetRegistrations(tables, call, { program, version, netids: ['udp', 'tcp'] });
  return answerChange(tables, call, 'unsets', changed);
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
