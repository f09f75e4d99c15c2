// What a caller of the port mapper may do.
import { isLoopback } from '../../base/address.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Peer } from '../../base/peer.ts';
import type { Reachability } from './reach.ts';

/** Whether the caller may change registrations: it must call over the Unix socket or loopback. */
export function mayChange(peer: Peer): boolean {
  const address = peer.address();
  return address === undefined || isLoopback(address);
}

/** Whether requests are datagrams, whose sender address can be forged. */
export function isDatagram(peer: Peer): boolean {
  return netIdInfo(peer.netid).semantics === 1;
}

/**
 * Whether a caller may receive an answer that is much longer than its request. Over UDP the sender's address may be
 * forged: such an answer would let an attacker use this host to flood a victim (amplification).
 */
export function mayDump(reach: Reachability, peer: Peer): boolean {
  if (!isDatagram(peer)) return true;
  const address = peer.address();
  return address === undefined || reach.isOwn(address);
}
