// Sockets that are not what they seem: a port with two owners, and one that is held without a listener.
import { formatIp, type IpAddress, isWildcard } from '../../../../base/address.ts';
import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { type Facts, isSameHolder, type Listener, only, whereText, whoText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** OWNERS_DIFFER. Ports that clients of UDP were given do not count. */
export function ownersDiffer(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    if (listener.protocol === 'udp' && facts.isEphemeral(listener.port)) return [];
    const pair = differing(listener);
    if (!pair) return [];
    const [v4, v6] = pair;
    return [
      {
        code: 'OWNERS_DIFFER',
        severity: 'warning',
        seen: `${whereText(v4)} is of ${whoText(v4)}, and ${whereText(v6)} of ${whoText(v6)}`,
        ports: only(listener.port),
        protocol: listener.protocol,
        advice: 'End one of the two, or move it to another port.',
        remedy: undefined,
      },
    ];
  });
}

/** A port that one program has for both is shared on purpose by the others, such as that of mDNS. */
function differing({ sockets }: Listener): [SeenSocket, SeenSocket] | undefined {
  const local = sockets.filter(({ socket }) => isForLocalhost(socket.local.address));
  const v4 = local.filter(({ socket }) => socket.local.address.family === 4);
  const v6 = local.filter(({ socket }) => socket.local.address.family === 6);
  const [one] = v4;
  const [other] = v6;
  const isOfOne = v4.some((each) => v6.some((its) => isSameHolder(each, its)));
  return one && other && !isOfOne ? [one, other] : undefined;
}

/** Whether somebody who asks for localhost may get there. */
function isForLocalhost(address: IpAddress): boolean {
  return isWildcard(address) || ['127.0.0.1', '::1'].includes(formatIp(address));
}

/** BOUND_NOT_LISTENING. */
export function boundNotListening(facts: Facts): Found[] {
  const told = new Set<string>();
  return facts.scene.seen.sockets.flatMap((seen): Found[] => {
    const { state, local, protocol } = seen.socket;
    const key = `${local.port}/${protocol} ${whoText(seen)}`;
    if (state !== 'BOUND' || told.has(key) || isListenersOwn(facts, seen)) return [];
    told.add(key);
    const [reservation] = facts.reservationsAt(local.port, protocol);
    const isClients = facts.isEphemeral(local.port) && !reservation;
    return [
      {
        code: 'BOUND_NOT_LISTENING',
        severity: isClients ? 'info' : 'warning',
        seen: `${whoText(seen)} has ${whereText(seen)} bound, and does not listen`,
        ports: only(local.port),
        protocol,
        advice: isClients
          ? 'It may be about to connect: look again.'
          : 'End the program if the port is wanted.',
        remedy: undefined,
      },
    ];
  });
}

/** A program that listens on the port as well, such as one that shares it among its processes, knows what it has. */
function isListenersOwn(facts: Facts, seen: SeenSocket): boolean {
  const { local, protocol } = seen.socket;
  const sockets = facts.listenerAt(local.port, protocol)?.sockets ?? [];
  return sockets.some((each) => isSameHolder(each, seen));
}
