// Who a caller is to the port mapper, and what that lets him do.
import { isLoopback } from '../../base/address.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Peer } from '../../base/peer.ts';
import type { Reachability } from './reach.ts';

/** Whether the caller may change registrations: over the Unix socket or the loopback network. */
export function mayChange(peer: Peer): boolean {
  const address = peer.address();
  return address === undefined || isLoopback(address);
}

/** Whether requests are datagrams, which anybody can send in another's name. */
export function isDatagram(peer: Peer): boolean {
  return netIdInfo(peer.netid).semantics === 1;
}

/**
 * Whether a caller gets an answer that is much longer than his question. Over UDP the sender's address proves
 * nothing, so that a stranger's question would turn this host against whoever he pretends to be.
 */
export function mayDump(reach: Reachability, peer: Peer): boolean {
  if (!isDatagram(peer)) return true;
  const address = peer.address();
  return address === undefined || reach.isOwn(address);
}
