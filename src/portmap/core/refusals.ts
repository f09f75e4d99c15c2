// Why SET or UNSET is refused: one type for all layers, and the text of the log for each code.
import type { NetId, ServiceAddress } from '../../base/netid.ts';
import type { Sender } from '../../base/peer.ts';
import type { ChangeRefusal, Registration } from './registrations.ts';

/** A SET with an invalid netid or address, as the request has them. */
interface InvalidAddress {
  readonly refused: 'NETID_UNKNOWN' | 'ADDRESS_INVALID';
  readonly netid: string;
  readonly uaddr: string;
}

/** The transport and address of a SET. */
export type RequestedAddress = (ServiceAddress & { readonly netid: NetId }) | InvalidAddress;

/** The port is below 1024, and the caller is not root and holds no socket on it. */
interface ReservedPort {
  readonly refused: 'PORT_RESERVED';
  readonly port: number;
  readonly uid: number;
}

/** Why a change was refused; one that is LATE receives no answer. */
export type Refusal =
  | Exclude<Sender, { readonly uid: number }>
  | InvalidAddress
  | ReservedPort
  | ChangeRefusal;

/** The reason as text. */
export function reasonText(refusal: Exclude<Refusal, { readonly refused: 'LATE' }>): string {
  switch (refusal.refused) {
    case 'UNKNOWN':
      return 'the caller could not be determined: no socket, or more than one, has its address and port';
    case 'ROOT_PORT_UNPRIVILEGED':
      return (
        'over UDP, root is accepted only from a port below net.ipv4.ip_unprivileged_port_start; ' +
        'use the Unix socket'
      );
    case 'ROOT_PORT_NONE':
      return (
        'root is not accepted over UDP: net.ipv4.ip_unprivileged_port_start reserves no port for root; ' +
        'use the Unix socket'
      );
    case 'ROOT_PORT_GRANTED':
      return 'over UDP, root is not accepted from a port that the guard grants to a job; use the Unix socket';
    case 'NETID_UNKNOWN':
      return `"${refusal.netid}" is not a netid (udp, tcp, udp6, tcp6, local)`;
    case 'ADDRESS_INVALID':
      return `"${refusal.uaddr}" is not an address of ${refusal.netid}`;
    case 'PORT_RESERVED':
      return `port ${refusal.port} is below 1024, and uid ${refusal.uid} holds no socket on it`;
    case 'TAKEN':
      return `already registered at ${refusal.existing.uaddr} by ${ownerText(refusal.existing)}`;
    case 'NOT_OWNER':
      return `registered by ${ownerText(refusal.existing)}; only its owner or root may change it`;
    case 'BUILT_IN':
      return 'it belongs to the port mapper itself';
    case 'FULL':
      return 'the table is full';
    case 'USER_FULL':
      return 'the user has the maximum number of registrations';
    case 'UNWRITTEN':
      return `the log cannot be written (${refusal.failure})`;
  }
}

function ownerText({ owner }: Registration): string {
  return owner === undefined ? 'an unknown user' : `uid ${owner}`;
}
