// Sockets that are not what they seem: a port with two owners, and one that is held without a listener.
import { formatIp, type IpAddress, isWildcard } from '../../../../base/address.ts';
import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { check } from '../check.ts';
import { type Facts, isSameHolder, type Listener, only, whereText, whoText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** Ports that clients of UDP were given do not count. */
export const OWNERS_DIFFER = check({
  code: 'OWNERS_DIFFER',
  title: 'a port has different owners on IPv4 and IPv6',
  severities: ['warning'],
  why: 'which of the two a client reaches depends on how it resolves the name',
  explanation: [
    'Two programs hold one port, one for IPv4 and the other for IPv6, and both for this host or both for all ' +
      'of its addresses. Linux allows that when the IPv6 socket is IPv6 only (IPV6_V6ONLY). A port that one ' +
      'program has for both, and others share with it, is not told.',
    'A client that asks for localhost gets the one or the other. End one of them, or move it to another port.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      if (listener.protocol === 'udp' && facts.isEphemeral(listener.port)) return [];
      const pair = differing(listener);
      if (!pair) return [];
      const [v4, v6] = pair;
      return [
        {
          seen: `${whereText(v4)} is of ${whoText(v4)}, and ${whereText(v6)} of ${whoText(v6)}`,
          ports: only(listener.port),
          protocol: listener.protocol,
          advice: 'End one of the two, or move it to another port.',
        },
      ];
    }),
});

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

export const BOUND_NOT_LISTENING = check({
  code: 'BOUND_NOT_LISTENING',
  title: 'a port is bound, and nobody listens on it',
  severities: ['warning', 'info'],
  why: 'it keeps others from the port, and neither ss -ltn nor /proc/net/tcp shows it',
  explanation: [
    'A TCP socket is bound to the port and neither listens nor is connected. A program that stays like this has ' +
      'forgotten the socket, or holds the port on purpose.',
    'It is a warning where the port is not one of those that the kernel gives to clients, or is reserved. ' +
      'Inside the range of clients it may be one that is about to connect.',
  ],
  run: (facts) => {
    const reported = new Set<string>();
    return facts.snapshot.seen.sockets.flatMap((seen): Found<'warning' | 'info'>[] => {
      const { state, local, protocol } = seen.socket;
      const key = `${local.port}/${protocol} ${whoText(seen)}`;
      if (state !== 'BOUND' || reported.has(key) || isListenersOwn(facts, seen)) return [];
      reported.add(key);
      const [reservation] = facts.reservationsAt(local.port, protocol);
      const isClients = facts.isEphemeral(local.port) && !reservation;
      return [
        {
          severity: isClients ? 'info' : 'warning',
          seen: `${whoText(seen)} has ${whereText(seen)} bound, and does not listen`,
          ports: only(local.port),
          protocol,
          advice: isClients
            ? 'It may be about to connect: look again.'
            : 'End the program if the port is wanted.',
        },
      ];
    });
  },
});

/** A program that listens on the port as well, such as one that shares it among its processes, knows what it has. */
function isListenersOwn(facts: Facts, seen: SeenSocket): boolean {
  const { local, protocol } = seen.socket;
  const sockets = facts.listenerAt(local.port, protocol)?.sockets ?? [];
  return sockets.some((each) => isSameHolder(each, seen));
}
