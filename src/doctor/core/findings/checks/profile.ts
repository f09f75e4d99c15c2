// The profile in force beside what is open: what it keeps for nobody, does not cover, or does not get done.
import { formatIp, isLoopback } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import { checkInaddrAny } from '../../../../profile/core/inaddrany.ts';
import { EMPTY_PROFILE, type Reservation, type UnreservedRule } from '../../../../profile/core/rules.ts';
import { jobMatcher } from '../../../../profile/core/table.ts';
import {
  type Facts,
  isOpen,
  type Listener,
  only,
  placeOf,
  portsText,
  useText,
  whereText,
  whoText,
} from '../facts.ts';
import type { Found } from '../finding.ts';
import type { ProfileInForce } from '../scene.ts';

/** RESERVATION_UNUSED: one for all entries of a port. */
export function reservationUnused(facts: Facts): Found[] {
  const { inForce, seen } = facts.scene;
  const used: Record<Protocol, Set<number>> = { tcp: new Set(), udp: new Set() };
  for (const { socket } of seen.sockets) used[socket.protocol].add(socket.local.port);
  const told = new Set<string>();
  const isForAny = (pattern: string) => ['INTCLIEN', '*', inForce?.omvsJob].includes(pattern);
  return (inForce?.profile.reservations ?? []).flatMap((reservation): Found[] => {
    const { protocol, first, last, use } = reservation;
    const key = `${first}/${protocol}`;
    if (use.kind !== 'JOB' || isForAny(use.pattern) || told.has(key)) return [];
    told.add(key);
    for (let port: number = first; port <= last; port++) if (used[protocol].has(port)) return [];
    return [
      {
        code: 'RESERVATION_UNUSED',
        severity: 'info',
        seen:
          `${placeOf(reservation)} reserves ${portsText(reservation)}/${protocol} for ` +
          `${useText(reservation)}, and nobody has it`,
        ports: [{ first, last }],
        protocol,
        advice: 'Start the service, or take the reservation out of the profile.',
        remedy: undefined,
      },
    ];
  });
}

/** RESERVATION_HELD: a listener; clients are told by CLIENT_ON_PORT. */
export function reservationHeld(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    const { port, protocol, sockets } = listener;
    const reservations = facts.reservationsAt(port, protocol);
    const [first] = reservations;
    const isClients = protocol === 'udp' && facts.isEphemeral(port);
    if (!first || isClients) return [];
    const other = sockets.find((seen) => !reservations.some((each) => facts.lets(each, seen)));
    if (!other) return [];
    const whose = first.use.kind === 'RESERVED' ? 'no one' : useText(first);
    return [
      {
        code: 'RESERVATION_HELD',
        severity: 'warning',
        seen:
          `${placeOf(first)} reserves the port for ${whose}, and ${whoText(other)}, whose job is ${other.job}, ` +
          `listens on ${whereText(other)}`,
        ports: only(port),
        protocol,
        advice: `Stop it or, if it is meant to have the port: ${facts.keepingHolders(listener)}`,
        remedy: undefined,
      },
    ];
  });
}

/** LISTENER_NOT_COVERED. */
export function listenerNotCovered(facts: Facts): Found[] {
  const { inForce } = facts.scene;
  if (!inForce) return [];
  return facts.listeners.flatMap((listener): Found[] => {
    const { port, protocol, sockets } = listener;
    const [socket] = sockets;
    const isChosen = facts.isEphemeral(port) && facts.fixedBecause(listener) === undefined;
    if (!socket || isChosen || facts.reservationsAt(port, protocol).length > 0) return [];
    if (sockets.every(({ job }) => isNamed(inForce, protocol, job))) return [];
    return [
      {
        code: 'LISTENER_NOT_COVERED',
        severity: 'info',
        seen: `${whoText(socket)} listens on ${whereText(socket)}, and the profile reserves it for nobody`,
        ports: only(port),
        protocol,
        advice: `To reserve it: ${facts.keepingHolders(listener)}`,
        remedy: undefined,
      },
    ];
  });
}

/** Whether an entry of UNRSV speaks of a job by more than a pattern for everybody. */
function isNamed({ profile, omvsJob }: ProfileInForce, protocol: Protocol, job: string): boolean {
  const isOf = (rule: UnreservedRule) => rule.protocol === protocol && !['*', omvsJob].includes(rule.pattern);
  return profile.unreserved.some((rule) => isOf(rule) && jobMatcher(rule.pattern, { omvsJob })(job));
}

const NOT_ENFORCED = {
  off: 'the guard is off',
  observe: 'the guard observes, and refuses nothing',
  elsewhere: 'the guard holds in other network namespaces or in one cgroup, and not in all of this one',
} as const;

/** PROFILE_NOT_ENFORCED. Where the guard could not be asked nothing is said. */
export function profileNotEnforced({ scene }: Facts): Found[] {
  const guard = scene.inForce?.guard;
  if (guard === undefined || guard === 'enforce') return [];
  return [
    {
      code: 'PROFILE_NOT_ENFORCED',
      severity: 'info',
      seen: NOT_ENFORCED[guard],
      ports: [],
      protocol: undefined,
      advice: 'To enforce the profile: portreeve guard enforce',
      remedy: undefined,
    },
  ];
}

/** INADDRANY_NOT_RESERVED. Without a profile none is. */
export function inaddrAny({ scene }: Facts): Found[] {
  const { inForce, inaddrAny: ranges } = scene;
  const profile = inForce?.profile ?? EMPTY_PROFILE;
  return ranges.flatMap((range) =>
    checkInaddrAny([range], profile, inForce?.omvsJob).map(({ message, hint, place }): Found => {
      return {
        code: 'INADDRANY_NOT_RESERVED',
        severity: 'warning',
        seen: `${place.file}:${place.line}: ${message}`,
        ports: [{ first: range.first, last: range.last }],
        protocol: undefined,
        advice: hint,
        remedy: undefined,
      };
    }),
  );
}

/** OPEN_TO_OTHERS. */
export function openToOthers(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    const meant = localReservation(facts, listener);
    const open = meant && listener.sockets.find(isOpen);
    if (!open) return [];
    const { port, protocol } = listener;
    const { bind } = meant.options;
    return [
      {
        code: 'OPEN_TO_OTHERS',
        severity: 'error',
        seen:
          `${placeOf(meant)} binds the port to ${bind ? formatIp(bind) : ''}, and ${whoText(open)} listens ` +
          `on ${whereText(open)}`,
        ports: only(port),
        protocol,
        advice: 'Restart the service while the guard enforces the profile, or have it listen there only.',
        remedy: undefined,
      },
    ];
  });
}

/** The reservation of the holder's job, if it says that the port is for this host alone. */
function localReservation(facts: Facts, { port, protocol, sockets }: Listener): Reservation | undefined {
  const [socket] = sockets;
  const its = facts.reservationsAt(port, protocol).find((each) => socket && facts.lets(each, socket));
  const bind = its?.options.bind;
  return bind && isLoopback(bind) ? its : undefined;
}
