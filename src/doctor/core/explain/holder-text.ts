// Formats the owner of a socket and its addresses for people.
import { formatIp, hostPortText } from '../../../base/address.ts';
import type { OpenSocket, SocketEnd } from '../../../base/open-socket.ts';
import type { ListedSocket } from '../../../sockets/core/socket-snapshot.ts';

/** "nginx (pid 812, nginx.service)"; "a program of user alice"; undefined where the owner is unknown. */
export function holderText({
  owners,
  forwardsTo,
  container,
  unit,
  user,
  socket,
}: ListedSocket): string | undefined {
  const [owner, ...others] = owners;
  if (forwardsTo) return `a container at ${endText(forwardsTo)} (docker-proxy, pid ${owner?.pid ?? 0})`;
  const place = container ? `${container.runtime} container ${container.id}` : unit;
  if (owner) {
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return `${owner.name} (pid ${owner.pid}${more}${place === undefined ? '' : `, ${place}`})`;
  }
  if (place !== undefined) return `a program of ${place}`;
  if (user !== undefined) return `a program of user ${user}`;
  return socket.uid === undefined ? undefined : `a program of uid ${socket.uid}`;
}

/** "127.0.0.1:80" */
export function endText({ address, port }: SocketEnd): string {
  return hostPortText(formatIp(address), port);
}

/** Whether a connection waits for accept(2), so that no process has it open yet. */
export function isUnaccepted({ protocol, state, inode }: OpenSocket): boolean {
  return protocol === 'tcp' && inode === 0 && BEFORE_ACCEPT.has(state);
}

/** A socket that its process has closed is in none of these states. */
const BEFORE_ACCEPT: ReadonlySet<OpenSocket['state']> = new Set(['SYN_RECV', 'ESTABLISHED', 'CLOSE_WAIT']);
