// SET and UNSET, the same for every version: who may, what is a registration, what is told to the log.
import { formatIp } from '../../base/address.ts';
import { type NetId, netIdInfo, parseNetId } from '../../base/netid.ts';
import type { Registration } from '../../state/registrations.ts';
import { formatUaddr, parseUaddr, uaddrPort } from '../../wire/uaddr.ts';
import type { CallContext, PortmapEvent, PortmapTables } from './procedure.ts';

/** What a caller asks to register, as the wire had it. */
export interface SetRequest {
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
}

/** Where a request came from, for a person: "127.0.0.1:1021", "[::1]:1021" or "local". */
function fromText(call: CallContext): string {
  const address = call.peer.address();
  if (!address) return 'local';
  return address.family === 4
    ? `${formatIp(address)}:${call.peer.port}`
    : `[${formatIp(address)}]:${call.peer.port}`;
}

function report(
  tables: PortmapTables,
  call: CallContext,
  what: PortmapEvent['what'],
  request: SetRequest,
  reason = '',
): void {
  tables.onEvent({ ...request, what, reason, uid: call.peer.uid(), from: fromText(call) });
}

/** The address in its one spelling, so that the same place is the same text. */
function canonicalUaddr(netid: NetId, address: string): string {
  const endpoint = netid === 'local' ? undefined : parseUaddr(address);
  return endpoint ? formatUaddr(endpoint) : address;
}

/** Registers; FALSE, with the reason in the log, for what is no registration or is not the caller's to make. */
export function setRegistration(tables: PortmapTables, call: CallContext, request: SetRequest): boolean {
  const netid = parseNetId(request.netid);
  if (netid === undefined) {
    report(
      tables,
      call,
      'refused',
      request,
      `"${request.netid}" is no netid: udp, tcp, udp6, tcp6 and local are`,
    );
    return false;
  }
  const port = uaddrPort(netid, request.address);
  if (port === undefined) {
    report(tables, call, 'refused', request, `"${request.address}" is no address of ${netid}`);
    return false;
  }
  const { program, version } = request;
  const uaddr = canonicalUaddr(netid, request.address);
  const registration: Registration = {
    program,
    version,
    netid,
    uaddr,
    port,
    owner: call.peer.uid(),
    builtIn: false,
  };
  const result = tables.registrations.set(registration);
  if (!result.done) report(tables, call, 'refused', request, REASONS[result.code](result.existing));
  else if (result.added) report(tables, call, 'set', request);
  return result.done;
}

/** Removes; FALSE, with the reason in the log, where something named is another's. */
export function unsetRegistrations(
  tables: PortmapTables,
  call: CallContext,
  target: { readonly program: number; readonly version: number; readonly netids?: readonly NetId[] },
): boolean {
  const { removed, refused } = tables.registrations.unset(target, call.peer.uid());
  for (const registration of removed) report(tables, call, 'unset', logged(registration));
  if (refused)
    report(tables, call, 'refused', logged(refused.existing), REASONS[refused.code](refused.existing));
  return !refused;
}

function logged(registration: Registration): SetRequest {
  const { program, version, netid, uaddr } = registration;
  return { program, version, netid, address: uaddr };
}

const ownerOf = (existing: Registration | undefined): string =>
  existing?.owner === undefined ? 'an unknown user' : `uid ${existing.owner}`;

const REASONS = {
  TAKEN: (existing?: Registration) => `already registered at ${existing?.uaddr} by ${ownerOf(existing)}`,
  NOT_OWNER: (existing?: Registration) =>
    `registered by ${ownerOf(existing)}, and only he or root may change it`,
  BUILT_IN: () => 'this is the port mapper itself',
  FULL: () => 'the table is full',
  USER_FULL: () => 'this user has as many registrations as one user may have',
} as const;

/** The netids that a protocol number of version 2 stands for. */
export function netIdOfProtocol(protocol: number): NetId | undefined {
  if (protocol === netIdInfo('udp').protocolNumber) return 'udp';
  return protocol === netIdInfo('tcp').protocolNumber ? 'tcp' : undefined;
}
