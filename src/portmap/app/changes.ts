// SET and UNSET of all versions: checks the caller, changes the table, and logs the event.
import { formatIp, hostPortText } from '../../base/address.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Sender } from '../../base/peer.ts';
import type { EventKind } from '../core/events.ts';
import { type Refusal, type RequestedAddress, reasonText } from '../core/refusals.ts';
import type { Registration, UnsetTarget } from '../core/registrations.ts';
import type { CallContext, PortmapTables } from './procedure.ts';
import { socketsOf } from './watch.ts';

type SetRequest = RequestedAddress & { readonly program: number; readonly version: number };

/** A call and its sender, which is looked up once, so that the log names the user that was checked. */
interface Caller {
  readonly call: CallContext;
  readonly sender: Sender;
}

function uidOf(sender: Sender): number | undefined {
  return 'uid' in sender ? sender.uid : undefined;
}

/** The source of a request as text: "127.0.0.1:1021", "[::1]:1021" or "local". */
function fromText({ peer }: CallContext): string {
  const address = peer.address();
  return address ? hostPortText(formatIp(address), peer.port) : 'local';
}

function reportChange(
  tables: PortmapTables,
  { call, sender }: Caller,
  what: EventKind,
  subject: SetRequest,
  reason = '',
): void {
  if (!tables.events.admits(what)) return;
  tables.events.report({ ...subjectOf(subject), what, reason, uid: uidOf(sender), from: fromText(call) });
}

function subjectOf({ program, version, netid, uaddr }: SetRequest) {
  return { program, version, netid, address: uaddr };
}

/** Ports below it may be registered by root, or by a user who holds a socket there (<netinet/in.h>). */
const IPPORT_RESERVED = 1024;

/** Registers an address. A refusal is logged with its reason. */
export function setRegistration(
  tables: PortmapTables,
  call: CallContext,
  request: SetRequest,
): Refusal | undefined {
  const caller = { call, sender: call.peer.sender() };
  const refusal = register(tables, caller, request);
  if (refusal && refusal.refused !== 'LATE')
    reportChange(tables, caller, 'refused', request, reasonText(refusal));
  return refusal;
}

function register(tables: PortmapTables, caller: Caller, request: SetRequest): Refusal | undefined {
  const { sender, call } = caller;
  if ('refused' in sender && sender.refused === 'LATE') return sender;
  if ('refused' in request) return request;
  if ('refused' in sender) return sender;
  const { program, version, netid, port } = request;
  const { uid } = sender;
  const registration = { ...request, owner: uid, builtIn: false, isElsewhere: call.peer.isElsewhere() };
  if (port > 0 && port < IPPORT_RESERVED && uid !== 0 && !holdsSocket(tables, registration, uid)) {
    return { refused: 'PORT_RESERVED', port, uid };
  }
  const { registrations, liveness, clock } = tables;
  const existing = registrations.exact(program, version, netIdInfo(netid).index);
  if (existing) dropIfGone(tables, existing);
  const result = registrations.set(registration);
  if ('refused' in result) return result;
  if (!result.added) return undefined;
  // Watch looks up its socket after the reply has been sent.
  liveness.registered(registration, undefined, clock.monotonic());
  reportChange(tables, caller, 'set', registration);
  return undefined;
}

function holdsSocket({ sockets }: PortmapTables, registration: Registration, uid: number): boolean {
  return socketsOf(registration, sockets)?.some((socket) => socket.uid === uid) ?? false;
}

/** Drops a stale entry at once, so that a service that was restarted, even by another user, need not wait for Watch. */
function dropIfGone(tables: PortmapTables, existing: Registration): void {
  const { registrations, liveness, sockets } = tables;
  const found = socketsOf(existing, sockets);
  if (found === undefined || !liveness.isGone(existing, found)) return;
  const refusal = registrations.drop(existing);
  if (refusal) return;
  liveness.removed(existing);
  reportDropped(tables, existing, 'its socket is gone, and a new registration replaces it');
}

/** Logs that an entry was dropped because its service is gone. */
export function reportDropped(
  { events }: Pick<PortmapTables, 'events'>,
  registration: Registration,
  reason: string,
): void {
  if (!events.admits('dropped')) return;
  events.report({ ...subjectOf(registration), what: 'dropped', reason, uid: registration.owner, from: '' });
}

/** Removes the entries that the caller may remove. If another user's remains, that is a refusal and logged. */
export function unsetRegistrations(
  tables: PortmapTables,
  call: CallContext,
  target: UnsetTarget,
): Refusal | undefined {
  const sender = call.peer.sender();
  if ('refused' in sender && sender.refused === 'LATE') return sender;
  const caller = { call, sender };
  const { removed, kept } = tables.registrations.unset(target, uidOf(sender));
  for (const registration of removed) {
    tables.liveness.removed(registration);
    reportChange(tables, caller, 'unset', registration);
  }
  if (!kept) return undefined;
  const refusal = 'refused' in sender ? sender : kept.refusal;
  reportChange(tables, caller, 'refused', kept.existing, reasonText(refusal));
  return refusal;
}
