// Words for who has a socket, and for what he has it.
import { formatIp, hostPortText } from '../../base/address.ts';
import type { SocketEnd } from '../../host/host.ts';
import type { SeenSocket } from './seen.ts';

/** "nginx (pid 812, nginx.service)"; "a program of user alice"; undefined where nobody has it any more. */
export function holderText({
  owners,
  forwardsTo,
  container,
  unit,
  user,
  socket,
}: SeenSocket): string | undefined {
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
