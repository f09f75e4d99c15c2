// The procedures of version 2 (RFC 1833 section 3.2).
import { netIdInfo } from '../../base/netid.ts';
import { isPort } from '../../base/port.ts';
import { decodeMapping, PMAPPROC } from '../../wire/portmap.ts';
import { portSuffix } from '../../wire/uaddr.ts';
import { callIt } from './callit.ts';
import { netIdOfProtocol, setRegistration, unsetRegistrations } from './changes.ts';
import { answerDump } from './dump.ts';
import { byNumber, type CallContext, OUTCOME, type Outcome, type Procedure, ping } from './procedure.ts';
import type { PortmapService } from './service.ts';

/** The bound that turns a protocol or port of 32 bits that is none into a text that is refused with it. */
function mappingAddress(port: number): string {
  return isPort(port) ? `0.0.0.0${portSuffix(port)}` : `port ${port}`;
}

function set(service: PortmapService, call: CallContext): Outcome {
  if (!service.mayChange(call.peer)) return OUTCOME.tooWeak;
  const { program, version, protocol, port } = decodeMapping(call.args);
  const netid = netIdOfProtocol(protocol) ?? `protocol ${protocol}`;
  const done = setRegistration(service, call, { program, version, netid, address: mappingAddress(port) });
  if (done) service.statistics.of(2).sets++;
  call.results.bool(done);
  return OUTCOME.answered;
}

/** Protocol and port are ignored: both transports go (RFC 1833 section 3.2). */
function unset(service: PortmapService, call: CallContext): Outcome {
  if (!service.mayChange(call.peer)) return OUTCOME.tooWeak;
  const { program, version } = decodeMapping(call.args);
  const done = unsetRegistrations(service, call, { program, version, netids: ['udp', 'tcp'] });
  if (done) service.statistics.of(2).unsets++;
  call.results.bool(done);
  return OUTCOME.answered;
}

/** The port, or 0 where there is none. */
function getPort(service: PortmapService, call: CallContext): Outcome {
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
  const found = service.registrations.find(program, version, index);
  service.statistics.of(2).lookup(program, version, index, found !== undefined);
  call.results.u32(found?.port ?? 0);
  return OUTCOME.answered;
}

function dump(service: PortmapService, call: CallContext): Outcome {
  return answerDump(service, call, () => service.dumps.version2());
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
