// The sockets of a port, those together that come to the same for whoever wants to bind it.
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { SeenSocket } from '../../../sockets/core/seen.ts';

/** Sockets on one address, in one state and of one user: one stands for all. */
export interface AlikeSockets extends OpenSocket {
  /** The one that keeps the port longest, as far as that can be told. */
  readonly seen: SeenSocket;
  /** How many there are. */
  readonly count: number;
}

/** A busy server has tens of thousands of connections on its port, and few kinds of them. */
export function alikeSockets(sockets: readonly SeenSocket[]): AlikeSockets[] {
  const kinds = new Map<string, { longest: SeenSocket; count: number }>();
  for (const seen of sockets) {
    const key = kindOf(seen.socket);
    const kind = kinds.get(key);
    if (!kind) {
      kinds.set(key, { longest: seen, count: 1 });
      continue;
    }
    kind.count++;
    if (lastsMs(seen.socket) > lastsMs(kind.longest.socket)) kind.longest = seen;
  }
  return [...kinds.values()].map(({ longest, count }) => ({ ...longest.socket, seen: longest, count }));
}

/** How long a socket keeps its port; for ever is what nobody can tell. */
export function lastsMs({ expiresMs }: OpenSocket): number {
  return expiresMs ?? Number.POSITIVE_INFINITY;
}

function kindOf({ state, local, v6Only, uid, inode }: OpenSocket): string {
  return `${state} ${local.address.bytes} ${v6Only} ${uid} ${inode === 0}`;
}
