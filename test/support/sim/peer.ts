// Callers of a simulated network.
import { type IpAddress, isLoopback } from '../../../src/base/address.ts';
import { type NetId, netIdInfo } from '../../../src/base/netid.ts';
import type { Peer, Sender, SenderRefusal } from '../../../src/base/peer.ts';

const LOOPBACK: Readonly<Record<4 | 6, IpAddress>> = {
  4: { family: 4, bytes: new Uint8Array([127, 0, 0, 1]) },
  6: { family: 6, bytes: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) },
};

const UNKNOWN: Sender = { refused: 'UNKNOWN' };

/** The properties of a caller. Default: loopback, port 1024, uid 0. */
export interface SimCaller {
  readonly address?: IpAddress;
  readonly port?: number;
  /** The destination address. Default: loopback for a caller on loopback, otherwise its own address. */
  readonly to?: IpAddress;
  readonly scopeId?: number;
  /** Default: root. */
  readonly uid?: number;
  /** Why the sender is not identified. */
  readonly refused?: SenderRefusal;
  /** On a Unix socket: in another network namespace. */
  readonly isElsewhere?: boolean;
}

/** Creates a caller. Default: from loopback to loopback over IP, or root on the Unix socket. */
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
    sender: () => (isLoopback(address) ? sender : UNKNOWN),
    isElsewhere: () => false,
  };
}
