// Groups the sockets of a port that have the same effect on a bind to that port.
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { ListedSocket } from '../../../sockets/core/socket-snapshot.ts';

/** Sockets with the same address, state and user, represented by one of them. */
export interface SocketGroup extends OpenSocket {
  /** The one that keeps the port longest, as far as that is known. */
  readonly seen: ListedSocket;
  readonly count: number;
}

/** A busy server has tens of thousands of connections on its port, but few groups. */
export function groupSockets(sockets: readonly ListedSocket[]): SocketGroup[] {
  const groups = new Map<string, { longest: ListedSocket; count: number }>();
  for (const seen of sockets) {
    const key = keyOf(seen.socket);
    const group = groups.get(key);
    if (!group) {
      groups.set(key, { longest: seen, count: 1 });
      continue;
    }
    group.count++;
    if (remainingMs(seen.socket) > remainingMs(group.longest.socket)) group.longest = seen;
  }
  return [...groups.values()].map(({ longest, count }) => ({ ...longest.socket, seen: longest, count }));
}

/** How long a socket keeps its port; infinite where that is unknown. */
export function remainingMs({ expiresMs }: OpenSocket): number {
  return expiresMs ?? Number.POSITIVE_INFINITY;
}

function keyOf({ state, local, v6Only, uid, inode }: OpenSocket): string {
  return `${state} ${local.address.bytes} ${v6Only} ${uid} ${inode === 0}`;
}
