// Checks for misleading sockets: a port with two owners, and a port that is bound without a listener.
import { formatIp, type IpAddress, isWildcard } from '../../../../base/address.ts';
import type { ListedSocket } from '../../../../sockets/core/socket-snapshot.ts';
import { check } from '../check.ts';
import { type Facts, isSameHolder, type Listener, only, ownerText, socketText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** Ephemeral ports of UDP clients are ignored. */
export const OWNERS_DIFFER = check({
  code: 'OWNERS_DIFFER',
  title: 'a port has different owners on IPv4 and IPv6',
  severities: ['warning'],
  why: 'which of them a client reaches depends on how it resolves the host name',
  explanation: [
    'Two programs hold the same port, one for IPv4 and the other for IPv6, and a client of localhost can reach ' +
      'either. Linux permits that when the IPv6 socket is IPv6 only (IPV6_V6ONLY). A port that one program holds ' +
      'for both families, and shares with others, is not reported.',
    'A client that connects to localhost reaches one or the other. Stop one of them, or move it to another port.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      if (listener.protocol === 'udp' && facts.isEphemeral(listener.port)) return [];
      const pair = differing(listener);
      if (!pair) return [];
      const [v4, v6] = pair;
      return [
        {
          what: `${socketText(v4)} belongs to ${ownerText(v4)}, but ${socketText(v6)} to ${ownerText(v6)}`,
          ports: only(listener.port),
          protocol: listener.protocol,
          advice: 'Stop one of the two, or move it to another port.',
        },
      ];
    }),
});

/** If one program holds the port for both families, the others share it on purpose, as for mDNS. */
function differing({ sockets }: Listener): [ListedSocket, ListedSocket] | undefined {
  const local = sockets.filter(({ socket }) => isForLocalhost(socket.local.address));
  const v4 = local.filter(({ socket }) => socket.local.address.family === 4);
  const v6 = local.filter(({ socket }) => socket.local.address.family === 6);
  const [one] = v4;
  const [other] = v6;
  const haveSameHolder = v4.some((a) => v6.some((b) => isSameHolder(a, b)));
  return one && other && !haveSameHolder ? [one, other] : undefined;
}

/** Whether a client of localhost may reach the address. */
function isForLocalhost(address: IpAddress): boolean {
  return isWildcard(address) || ['127.0.0.1', '::1'].includes(formatIp(address));
}

export const BOUND_NOT_LISTENING = check({
  code: 'BOUND_NOT_LISTENING',
  title: 'a port is bound, but no socket listens on it',
  severities: ['warning', 'info'],
  why: 'the socket blocks the port, and neither ss -ltn nor /proc/net/tcp shows it',
  explanation: [
    'A TCP socket is bound to the port, but neither listens nor is connected. If that persists, the program has ' +
      'leaked the socket, or holds the port on purpose.',
    'It is a warning where the port is outside the ephemeral range, or reserved. Inside the range the socket may be ' +
      'about to connect.',
  ],
  run: (facts) => {
    const reported = new Set<string>();
    return facts.snapshot.seen.sockets.flatMap((seen): Found<'warning' | 'info'>[] => {
      const { state, local, protocol } = seen.socket;
      const key = `${local.port}/${protocol} ${ownerText(seen)}`;
      if (state !== 'BOUND' || reported.has(key) || belongsToListener(facts, seen)) return [];
      reported.add(key);
      const [reservation] = facts.reservationsAt(local.port, protocol);
      const mayBeClient = facts.isEphemeral(local.port) && !reservation;
      return [
        {
          severity: mayBeClient ? 'info' : 'warning',
          what: `${ownerText(seen)} has bound ${socketText(seen)}, but does not listen`,
          ports: only(local.port),
          protocol,
          advice: mayBeClient
            ? 'It may be about to connect: run the doctor again.'
            : 'Stop the program if the port is needed.',
        },
      ];
    });
  },
});

/** A program that also listens on the port, such as one that shares it among its processes, binds it on purpose. */
function belongsToListener(facts: Facts, seen: ListedSocket): boolean {
  const { local, protocol } = seen.socket;
  const sockets = facts.listenerAt(local.port, protocol)?.sockets ?? [];
  return sockets.some((each) => isSameHolder(each, seen));
}
