// SET and UNSET, the same for every version: who may, what is a registration, what is told to the log.
import { formatIp, hostPortText } from '../../base/address.ts';
import { type NetId, netIdInfo, parseNetId } from '../../base/netid.ts';
import type { SenderRefusal } from '../../base/peer.ts';
import { formatUaddr, parseUaddr, uaddrPort } from '../../wire/uaddr.ts';
import type { EventKind } from '../core/events.ts';
import type { RefusalCode, Registration } from '../core/registrations.ts';
import type { CallContext, Changed, PortmapTables } from './procedure.ts';
import { socketsOf } from './watch.ts';

/** What a caller asks to register, as the wire had it. */
export interface SetRequest {
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
}

/** Who asks: the kernel is asked once for each call, and what it said is told to the log as it was judged by. */
interface Asking {
  readonly call: CallContext;
  readonly uid: number | undefined;
  /** Why his uid is not known. */
  readonly unknown: string;
}

/** Why somebody is not known, for the log. */
const UNKNOWN_SENDER: Readonly<Record<Exclude<SenderRefusal, 'LATE'>, string>> = {
  UNKNOWN: 'whose socket asked cannot be told: there is none, or several can have asked',
  ROOT_PORT_UNPRIVILEGED:
    'root is believed over UDP only from a port below net.ipv4.ip_unprivileged_port_start; use the Unix socket',
  ROOT_PORT_NONE:
    'root is not believed over UDP: net.ipv4.ip_unprivileged_port_start leaves no port to root; use the Unix socket',
  ROOT_PORT_GRANTED:
    'root is not believed over UDP from a port that the guard gives to others, too; use the Unix socket',
};

/** Undefined if it came too late. */
function askerOf(call: CallContext): Asking | undefined {
  const sender = call.peer.sender();
  if ('uid' in sender) return { call, uid: sender.uid, unknown: '' };
  const { refused } = sender;
  return refused === 'LATE' ? undefined : { call, uid: undefined, unknown: UNKNOWN_SENDER[refused] };
}

/** Where a request came from, for a person: "127.0.0.1:1021", "[::1]:1021" or "local". */
function fromText({ peer }: CallContext): string {
  const address = peer.address();
  return address ? hostPortText(formatIp(address), peer.port) : 'local';
}

function report(
  tables: PortmapTables,
  { call, uid }: Asking,
  what: EventKind,
  request: SetRequest,
  reason = '',
): void {
  if (!tables.events.admits(what)) return;
  tables.events.tell({ ...request, what, reason, uid, from: fromText(call) });
}

/** The address in its one spelling, so that the same place is the same text. */
function canonicalUaddr(netid: NetId, address: string): string {
  const endpoint = netid === 'local' ? undefined : parseUaddr(address);
  return endpoint ? formatUaddr(endpoint) : address;
}

/** Ports that root alone may give away: those below IPPORT_RESERVED (<netinet/in.h>). */
const IPPORT_RESERVED = 1024;

/** Registers; FALSE, with the reason in the log, for what is no registration or is not the caller's to make. */
export function setRegistration(tables: PortmapTables, call: CallContext, request: SetRequest): Changed {
  const asking = askerOf(call);
  if (!asking) return 'late';
  const registration = registrationOf(asking, request);
  const done = typeof registration === 'string' ? registration : register(tables, asking, registration);
  if (done === true) return 'done';
  report(tables, asking, 'refused', request, done);
  return 'refused';
}

/** What is to be registered, or why it is no registration. */
function registrationOf({ call, uid: owner, unknown }: Asking, request: SetRequest): Registration | string {
  const { program, version, address } = request;
  const netid = parseNetId(request.netid);
  if (netid === undefined) return `"${request.netid}" is no netid: udp, tcp, udp6, tcp6 and local are`;
  const port = uaddrPort(netid, address);
  if (port === undefined) return `"${address}" is no address of ${netid}`;
  if (owner === undefined) return unknown;
  const isElsewhere = call.peer.isElsewhere();
  return {
    program,
    version,
    netid,
    uaddr: canonicalUaddr(netid, address),
    port,
    owner,
    builtIn: false,
    isElsewhere,
  };
}

/** Puts it in; true, or why not. */
function register(tables: PortmapTables, asking: Asking, registration: Registration): true | string {
  const { registrations, liveness, sockets, clock } = tables;
  const { program, version, netid, owner, port } = registration;
  if (port > 0 && port < IPPORT_RESERVED && owner !== 0) {
    const held = socketsOf(registration, sockets);
    if (!held?.some(({ uid }) => uid === owner))
      return `port ${port} is below 1024, and uid ${owner} holds no socket on it`;
  }
  const existing = registrations.exact(program, version, netIdInfo(netid).index);
  if (existing) dropIfGone(tables, existing);
  const result = registrations.set(registration);
  if (!result.done) return reasonOf(tables, result.code, result.existing);
  if (!result.added) return true;
  // Its socket is looked for when the caller has his answer (Watch).
  liveness.registered(registration, undefined, clock.monotonic());
  report(tables, asking, 'set', logged(registration));
  return true;
}

/** A service that was restarted, perhaps by another user, does not wait for the entry that it left when it died. */
function dropIfGone(tables: PortmapTables, existing: Registration): void {
  const { registrations, liveness, sockets } = tables;
  const found = socketsOf(existing, sockets);
  if (found === undefined || !liveness.isGone(existing, found) || !registrations.drop(existing)) return;
  liveness.removed(existing);
  reportDropped(tables, existing, 'its socket is gone, and the place is wanted');
}

/** Tells that an entry was dropped because its service is gone. */
export function reportDropped(
  tables: Pick<PortmapTables, 'events'>,
  registration: Registration,
  reason: string,
): void {
  if (!tables.events.admits('dropped')) return;
  tables.events.tell({ ...logged(registration), what: 'dropped', reason, uid: registration.owner, from: '' });
}

/** Removes; FALSE, with the reason in the log, where something named is another's. */
export function unsetRegistrations(
  tables: PortmapTables,
  call: CallContext,
  target: { readonly program: number; readonly version: number; readonly netids?: readonly NetId[] },
): Changed {
  const asking = askerOf(call);
  if (!asking) return 'late';
  const { removed, refused } = tables.registrations.unset(target, asking.uid);
  for (const registration of removed) {
    tables.liveness.removed(registration);
    report(tables, asking, 'unset', logged(registration));
  }
  if (refused) {
    const reason = asking.unknown || reasonOf(tables, refused.code, refused.existing);
    report(tables, asking, 'refused', logged(refused.existing), reason);
  }
  return refused ? 'refused' : 'done';
}

function logged(registration: Registration): SetRequest {
  const { program, version, netid, uaddr } = registration;
  return { program, version, netid, address: uaddr };
}

const ownerOf = (existing: Registration | undefined): string =>
  existing?.owner === undefined ? 'an unknown user' : `uid ${existing.owner}`;

/** Why a change was refused, for the log. */
function reasonOf(tables: PortmapTables, code: RefusalCode, existing: Registration | undefined): string {
  switch (code) {
    case 'TAKEN':
      return `already registered at ${existing?.uaddr} by ${ownerOf(existing)}`;
    case 'NOT_OWNER':
      return `registered by ${ownerOf(existing)}, and only he or root may change it`;
    case 'BUILT_IN':
      return 'this is the port mapper itself';
    case 'FULL':
      return 'the table is full';
    case 'USER_FULL':
      return 'this user has as many registrations as one user may have';
    case 'UNWRITTEN':
      return `the log cannot be written (${tables.journal.failure})`;
  }
}

/** The netids that a protocol number of version 2 stands for. */
export function netIdOfProtocol(protocol: number): NetId | undefined {
  if (protocol === netIdInfo('udp').protocolNumber) return 'udp';
  return protocol === netIdInfo('tcp').protocolNumber ? 'tcp' : undefined;
}
