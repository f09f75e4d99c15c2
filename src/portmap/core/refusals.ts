// Why a SET or an UNSET is refused: one type for the whole path, and the sentence that the log has for each code.
import type { NetId, ServiceAddress } from '../../base/netid.ts';
import type { Sender } from '../../base/peer.ts';
import type { ChangeRefusal, Registration } from './registrations.ts';

/** The transport and the address of a SET that is refused because they are none; the texts are the request's. */
interface InvalidPlace {
  readonly refused: 'NETID_UNKNOWN' | 'ADDRESS_INVALID';
  readonly netid: string;
  readonly uaddr: string;
}

/** Where a SET registers a service. */
export type RequestedPlace = (ServiceAddress & { readonly netid: NetId }) | InvalidPlace;

/** A user who is not root holds no socket on the port below 1024 that it registers. */
interface ReservedPort {
  readonly refused: 'PORT_RESERVED';
  readonly port: number;
  readonly uid: number;
}

/** Why a change was refused; one that came LATE is not answered. */
export type Refusal = Exclude<Sender, { readonly uid: number }> | InvalidPlace | ReservedPort | ChangeRefusal;

/** The reason as a sentence. */
export function reasonText(refusal: Exclude<Refusal, { readonly refused: 'LATE' }>): string {
  switch (refusal.refused) {
    case 'UNKNOWN':
      return 'whose socket asked cannot be told: there is none, or several can have asked';
    case 'ROOT_PORT_UNPRIVILEGED':
      return (
        'root is believed over UDP only from a port below net.ipv4.ip_unprivileged_port_start; ' +
        'use the Unix socket'
      );
    case 'ROOT_PORT_NONE':
      return (
        'root is not believed over UDP: net.ipv4.ip_unprivileged_port_start leaves no port to root; ' +
        'use the Unix socket'
      );
    case 'ROOT_PORT_GRANTED':
      return 'root is not believed over UDP from a port that the guard gives to others, too; use the Unix socket';
    case 'NETID_UNKNOWN':
      return `"${refusal.netid}" is no netid: udp, tcp, udp6, tcp6 and local are`;
    case 'ADDRESS_INVALID':
      return `"${refusal.uaddr}" is no address of ${refusal.netid}`;
    case 'PORT_RESERVED':
      return `port ${refusal.port} is below 1024, and uid ${refusal.uid} holds no socket on it`;
    case 'TAKEN':
      return `already registered at ${refusal.existing.uaddr} by ${ownerText(refusal.existing)}`;
    case 'NOT_OWNER':
      return `registered by ${ownerText(refusal.existing)}, and only he or root may change it`;
    case 'BUILT_IN':
      return 'this is the port mapper itself';
    case 'FULL':
      return 'the table is full';
    case 'USER_FULL':
      return 'this user has as many registrations as one user may have';
    case 'UNWRITTEN':
      return `the log cannot be written (${refusal.failure})`;
  }
}

function ownerText({ owner }: Registration): string {
  return owner === undefined ? 'an unknown user' : `uid ${owner}`;
}
