// SET and UNSET, the same for every version: who may, what is a registration, what is told to the log.
import { formatIp, hostPortText } from '../../base/address.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Sender } from '../../base/peer.ts';
import type { EventKind } from '../core/events.ts';
import { type Refusal, type RequestedPlace, reasonText } from '../core/refusals.ts';
import type { Registration, UnsetTarget } from '../core/registrations.ts';
import type { CallContext, PortmapTables } from './procedure.ts';
import { socketsOf } from './watch.ts';

type SetRequest = RequestedPlace & { readonly program: number; readonly version: number };

/** A call and its sender: the kernel is asked once for each call, so that the log names the user who was judged. */
interface Caller {
  readonly call: CallContext;
  readonly sender: Sender;
}

function uidOf(sender: Sender): number | undefined {
  return 'uid' in sender ? sender.uid : undefined;
}

/** Where a request came from, for a person: "127.0.0.1:1021", "[::1]:1021" or "local". */
function fromText({ peer }: CallContext): string {
  const address = peer.address();
  return address ? hostPortText(formatIp(address), peer.port) : 'local';
}

function report(
  tables: PortmapTables,
  { call, sender }: Caller,
  what: EventKind,
  subject: SetRequest,
  reason = '',
): void {
  if (!tables.events.admits(what)) return;
  tables.events.tell({ ...subjectOf(subject), what, reason, uid: uidOf(sender), from: fromText(call) });
}

/** What an event is about. */
function subjectOf({ program, version, netid, uaddr }: SetRequest) {
  return { program, version, netid, address: uaddr };
}

/** Ports that root alone may give away: those below IPPORT_RESERVED (<netinet/in.h>). */
const IPPORT_RESERVED = 1024;

/** Registers; what is no registration or is not the caller's to make is refused, with the reason in the log. */
export function setRegistration(
  tables: PortmapTables,
  call: CallContext,
  request: SetRequest,
): Refusal | undefined {
  const caller = { call, sender: call.peer.sender() };
  const refusal = register(tables, caller, request);
  if (refusal && refusal.refused !== 'LATE') report(tables, caller, 'refused', request, reasonText(refusal));
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
  // Its socket is looked for when the caller has its answer (Watch).
  liveness.registered(registration, undefined, clock.monotonic());
  report(tables, caller, 'set', registration);
  return undefined;
}

function holdsSocket({ sockets }: PortmapTables, registration: Registration, uid: number): boolean {
  return socketsOf(registration, sockets)?.some((socket) => socket.uid === uid) ?? false;
}

/** A service that was restarted, perhaps by another user, does not wait for the entry that it left when it died. */
function dropIfGone(tables: PortmapTables, existing: Registration): void {
  const { registrations, liveness, sockets } = tables;
  const found = socketsOf(existing, sockets);
  if (found === undefined || !liveness.isGone(existing, found)) return;
  const refusal = registrations.drop(existing);
  if (refusal) return;
  liveness.removed(existing);
  reportDropped(tables, existing, 'its socket is gone, and the place is wanted');
}

/** Tells that an entry was dropped because its service is gone. */
export function reportDropped(
  { events }: Pick<PortmapTables, 'events'>,
  registration: Registration,
  reason: string,
): void {
  if (!events.admits('dropped')) return;
  events.tell({ ...subjectOf(registration), what: 'dropped', reason, uid: registration.owner, from: '' });
}

/** Removes what the caller may remove; what is left because it is another's is refused, with the reason in the log. */
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
    report(tables, caller, 'unset', registration);
  }
  if (!kept) return undefined;
  const refusal = 'refused' in sender ? sender : kept.refusal;
  report(tables, caller, 'refused', kept.existing, reasonText(refusal));
  return refusal;
}
