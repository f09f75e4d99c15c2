// A caller as a simulated network shows him.
import { type IpAddress, isLoopback } from '../../../src/base/address.ts';
import { type NetId, netIdInfo } from '../../../src/base/netid.ts';
import type { Peer, Sender, SenderRefusal } from '../../../src/base/peer.ts';

const LOOPBACK: Readonly<Record<4 | 6, IpAddress>> = {
  4: { family: 4, bytes: new Uint8Array([127, 0, 0, 1]) },
  6: { family: 6, bytes: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) },
};

const NOBODY: Sender = { refused: 'UNKNOWN' };

/** What is not loopback, port 1024 or uid 0 about a caller. */
export interface SimCaller {
  readonly address?: IpAddress;
  readonly port?: number;
  /** The address of ours that he called; his own where he is on loopback. */
  readonly to?: IpAddress;
  readonly scopeId?: number;
  /** Root, unless it is another user. */
  readonly uid?: number;
  /** Why nobody can say who he is. */
  readonly refused?: SenderRefusal;
  /** On a Unix socket: in another network namespace. */
  readonly isElsewhere?: boolean;
}

/** A caller over a transport: by IP from loopback to loopback, by the Unix socket root, unless it says otherwise. */
export function simPeer(netid: NetId, caller: SimCaller = {}): Peer {
  const { family } = netIdInfo(netid);
  const sender = caller.refused ? { refused: caller.refused } : { uid: caller.uid ?? 0 };
  if (family === 'loopback') {
    const nothing = () => undefined;
    return {
      netid,
      v4: 0,
      port: 0,
      scopeId: 0,
      address: nothing,
      localAddress: nothing,
      sender: () => sender,
      isElsewhere: () => caller.isElsewhere ?? false,
    };
  }
  const loopback = LOOPBACK[family === 'inet' ? 4 : 6];
  const address = caller.address ?? loopback;
  const to = caller.to ?? (isLoopback(address) ? loopback : address);
  const v4 =
    address.family === 4 ? new DataView(address.bytes.buffer, address.bytes.byteOffset).getUint32(0) : 0;
  return {
    netid,
    v4,
    port: caller.port ?? 1024,
    scopeId: caller.scopeId ?? 0,
    address: () => address,
    localAddress: () => to,
    sender: () => (isLoopback(address) ? sender : NOBODY),
    isElsewhere: () => false,
  };
}
