// Checks that compare the profile in force with the open sockets, the guard, and BPXPRMxx.
import { formatIp, isLoopback } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import { checkInaddrAny } from '../../../../profile/core/inaddrany.ts';
import { EMPTY_PROFILE, type Reservation, type UnreservedRule } from '../../../../profile/core/rules.ts';
import { jobMatcher } from '../../../../profile/core/table.ts';
import { check } from '../check.ts';
import {
  type Facts,
  isReachable,
  type Listener,
  only,
  ownerText,
  placeOf,
  portsText,
  socketText,
  useText,
} from '../facts.ts';
import type { Found } from '../finding.ts';
import type { ProfileInForce } from '../snapshot.ts';

/** One finding for all entries of a port. */
export const RESERVATION_UNUSED = check({
  code: 'RESERVATION_UNUSED',
  title: 'a reservation is not used',
  severities: ['info'],
  why: 'the port is blocked for no reason, or its service is not running',
  explanation: [
    'The profile reserves ports for a job, but none of them is in use. Reservations for no one (RESERVED), for ' +
      'INTCLIEN or AUTHPORT, and for every job are not reported.',
  ],
  run: (facts) => {
    const { inForce, seen } = facts.snapshot;
    const used: Record<Protocol, Set<number>> = { tcp: new Set(), udp: new Set() };
    for (const { socket } of seen.sockets) used[socket.protocol].add(socket.local.port);
    const reported = new Set<string>();
    const isForAny = (pattern: string) => ['INTCLIEN', '*', inForce?.omvsJob].includes(pattern);
    return (inForce?.profile.reservations ?? []).flatMap((reservation): Found[] => {
      const { protocol, first, last, use } = reservation;
      const key = `${first}/${protocol}`;
      if (use.kind !== 'JOB' || isForAny(use.pattern) || reported.has(key)) return [];
      reported.add(key);
      for (let port: number = first; port <= last; port++) if (used[protocol].has(port)) return [];
      return [
        {
          what:
            `${placeOf(reservation)} reserves ${portsText(reservation)}/${protocol} for ` +
            `${useText(reservation)}, but ${first === last ? 'it is not' : 'none of them is'} in use`,
          ports: [{ first, last }],
          protocol,
          advice: 'Start the service, or remove the reservation from the profile.',
        },
      ];
    });
  },
});

/** Only listeners: CLIENT_ON_PORT reports clients. */
export const RESERVATION_HELD = check({
  code: 'RESERVATION_HELD',
  title: 'another program holds a reserved port',
  severities: ['warning'],
  why: 'the service for which the port is reserved cannot start',
  explanation: [
    'A socket listens on a port that the profile reserves for other jobs, or for no one. It was bound before the ' +
      'guard enforced the profile, which does not affect bound sockets, or the guard does not enforce it.',
    'The job of a program is the one under which it was started, or else its unit, or else its user, in capitals; a ' +
      'program started by hand has a different job from the service. Stop the program, or reserve the port for it. ' +
      'portreeve guard --restarts lists all sockets that the guard would refuse.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      const { port, protocol, sockets } = listener;
      const reservations = facts.reservationsAt(port, protocol);
      const [first] = reservations;
      const mayBeClient = protocol === 'udp' && facts.isEphemeral(port);
      if (!first || mayBeClient) return [];
      const other = sockets.find((seen) => !reservations.some((each) => facts.permits(each, seen)));
      if (!other) return [];
      const user = first.use.kind === 'RESERVED' ? 'no one' : useText(first);
      return [
        {
          what:
            `${placeOf(first)} reserves the port for ${user}, but ${ownerText(other)} with the job ${other.job} ` +
            `listens on ${socketText(other)}`,
          ports: only(port),
          protocol,
          advice: `Stop it or, if that is intended, reserve the port: ${facts.statementForHolders(listener)}`,
        },
      ];
    }),
});

export const LISTENER_NOT_COVERED = check({
  code: 'LISTENER_NOT_COVERED',
  title: 'the profile does not cover a listener',
  severities: ['info'],
  why: 'any other program can take the port while the service is down',
  explanation: [
    'A profile is in force, a socket listens on a port that it does not reserve, and no PORT UNRSV entry names the ' +
      'job. Listeners in the ephemeral range are reported only if their port is a fixed one.',
    'Add the PORT statement that the finding shows.',
  ],
  run: (facts) => {
    const { inForce } = facts.snapshot;
    if (!inForce) return [];
    return facts.listeners.flatMap((listener): Found[] => {
      const { port, protocol, sockets } = listener;
      const [socket] = sockets;
      const isChosenByKernel = facts.isEphemeral(port) && facts.fixedPortReason(listener) === undefined;
      if (!socket || isChosenByKernel || facts.reservationsAt(port, protocol).length > 0) return [];
      if (sockets.every(({ job }) => isNamed(inForce, protocol, job))) return [];
      return [
        {
          what: `${ownerText(socket)} listens on ${socketText(socket)}, but the profile does not reserve the port`,
          ports: only(port),
          protocol,
          advice: `To reserve it: ${facts.statementForHolders(listener)}`,
        },
      ];
    });
  },
});

/** Whether a PORT UNRSV entry names a job, other than by a pattern for every job. */
function isNamed({ profile, omvsJob }: ProfileInForce, protocol: Protocol, job: string): boolean {
  const isSpecific = (rule: UnreservedRule) =>
    rule.protocol === protocol && !['*', omvsJob].includes(rule.pattern);
  return profile.unreserved.some((rule) => isSpecific(rule) && jobMatcher(rule.pattern, { omvsJob })(job));
}

const NOT_ENFORCED = {
  off: 'the guard is off',
  observe: 'the guard only observes, and refuses nothing',
  elsewhere: 'the guard enforces the profile only in other network namespaces or in one cgroup',
} as const;

/** Not reported where the guard could not be queried. */
export const PROFILE_NOT_ENFORCED = check({
  code: 'PROFILE_NOT_ENFORCED',
  title: 'the profile is not enforced',
  severities: ['info'],
  why: 'a profile was applied, but it has no effect',
  explanation: [
    'A profile is in force, but the guard is off or only observes. To enforce it, run portreeve guard enforce.',
  ],
  run: ({ snapshot }) => {
    const guard = snapshot.inForce?.guard;
    if (guard === undefined || guard === 'enforce') return [];
    return [
      {
        what: NOT_ENFORCED[guard],
        ports: [],
        advice: 'To enforce the profile: portreeve guard enforce',
      },
    ];
  },
});

/** Also reported without a profile. */
export const INADDRANY_NOT_RESERVED = check({
  code: 'INADDRANY_NOT_RESERVED',
  title: 'INADDRANY ports are not reserved for the kernel',
  severities: ['warning'],
  why: 'a program that is assigned a port for all stacks may find it reserved for another job in one of them',
  explanation: [
    'NETWORK statements of BPXPRMxx set ports aside for bind(2) to port 0 and any address (INADDRANYPORT, ' +
      'INADDRANYCOUNT), but the profile does not reserve them for the job of the kernel (OMVS, or the one of ' +
      'STARTUP_PROC), or there is no profile. The member is that of --bpxprm, or of [doctor] bpxprm in ' +
      'portreeve.toml.',
    'Add the PORTRANGE statement that the finding shows.',
  ],
  run: ({ snapshot }) => {
    const { inForce, inaddrAny: ranges } = snapshot;
    const profile = inForce?.profile ?? EMPTY_PROFILE;
    return ranges.flatMap((range) =>
      checkInaddrAny([range], profile, inForce?.omvsJob).map(({ message, hint, place }): Found => {
        return {
          what: `${place.file}:${place.line}: ${message}`,
          ports: [{ first: range.first, last: range.last }],
          advice: hint,
        };
      }),
    );
  },
});

export const OPEN_TO_OTHERS = check({
  code: 'OPEN_TO_OTHERS',
  title: 'a port that should be local is open to other hosts',
  severities: ['error'],
  why: 'the profile restricts the port to the loopback address, but the socket accepts traffic from other hosts',
  explanation: [
    'A reservation has BIND with a loopback address, but a socket on the port is bound to another address, or to all ' +
      'addresses. It was bound before the guard enforced the profile, which does not affect bound sockets, or the ' +
      'guard does not enforce it.',
    'Restart the service while the guard enforces the profile, or configure the service to use that address.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      const local = localReservation(facts, listener);
      const open = local && listener.sockets.find(isReachable);
      if (!open) return [];
      const { port, protocol } = listener;
      const { bind } = local.options;
      return [
        {
          what:
            `${placeOf(local)} binds the port to ${bind ? formatIp(bind) : ''}, but ${ownerText(open)} listens ` +
            `on ${socketText(open)}`,
          ports: only(port),
          protocol,
          advice:
            'Restart the service while the guard enforces the profile, or make it listen only on that address.',
        },
      ];
    }),
});

/** The reservation of the holder's job, if it restricts the port to the loopback address. */
function localReservation(facts: Facts, { port, protocol, sockets }: Listener): Reservation | undefined {
  const [socket] = sockets;
  const own = facts.reservationsAt(port, protocol).find((each) => socket && facts.permits(each, socket));
  const bind = own?.options.bind;
  return bind && isLoopback(bind) ? own : undefined;
}
