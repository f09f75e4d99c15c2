// The profile in force beside what is open: what it keeps for nobody, does not cover, or does not get done.
import { formatIp, isLoopback } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import { checkInaddrAny } from '../../../../profile/core/inaddrany.ts';
import { EMPTY_PROFILE, type Reservation, type UnreservedRule } from '../../../../profile/core/rules.ts';
import { jobMatcher } from '../../../../profile/core/table.ts';
import { check } from '../check.ts';
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
import type { ProfileInForce } from '../snapshot.ts';

/** One for all entries of a port. */
export const RESERVATION_UNUSED = check({
  code: 'RESERVATION_UNUSED',
  title: 'nobody uses a reservation',
  severities: ['info'],
  why: 'the port is kept from others for nothing, or the service that should be there is not',
  explanation: [
    'The profile reserves ports for a job, and no socket has any of them. What is reserved for no one (RESERVED), ' +
      'INTCLIEN or AUTHPORT, or for every job, is not told.',
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
          seen:
            `${placeOf(reservation)} reserves ${portsText(reservation)}/${protocol} for ` +
            `${useText(reservation)}, and nobody has it`,
          ports: [{ first, last }],
          protocol,
          advice: 'Start the service, or take the reservation out of the profile.',
        },
      ];
    });
  },
});

/** A listener; clients are told by CLIENT_ON_PORT. */
export const RESERVATION_HELD = check({
  code: 'RESERVATION_HELD',
  title: 'a reserved port is held by somebody else',
  severities: ['warning'],
  why: 'the service that it is reserved for cannot start',
  explanation: [
    'A socket listens on a port that the profile reserves for other jobs, or for no one: it was bound before the ' +
      'guard enforced the profile, or the guard does not. What is bound already stays as it is.',
    'A job is the one that the program was started under, else its unit, else its user, in capitals: what was ' +
      'started by hand has another one than the service has. Stop it, or reserve the port for it. portreeve guard ' +
      '--restarts lists all that the guard would refuse.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
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
          seen:
            `${placeOf(first)} reserves the port for ${whose}, and ${whoText(other)}, whose job is ${other.job}, ` +
            `listens on ${whereText(other)}`,
          ports: only(port),
          protocol,
          advice: `Stop it or, if it is meant to have the port: ${facts.keepingHolders(listener)}`,
        },
      ];
    }),
});

export const LISTENER_NOT_COVERED = check({
  code: 'LISTENER_NOT_COVERED',
  title: 'the profile does not cover a listener',
  severities: ['info'],
  why: 'when the service is down any other program can take its port',
  explanation: [
    'A profile is in force, a socket listens on a port that it does not reserve, and no PORT UNRSV entry names the ' +
      'job. Listeners in the range of clients are told only where their port is a fixed one.',
    'Write a PORT statement for it; the finding shows one.',
  ],
  run: (facts) => {
    const { inForce } = facts.snapshot;
    if (!inForce) return [];
    return facts.listeners.flatMap((listener): Found[] => {
      const { port, protocol, sockets } = listener;
      const [socket] = sockets;
      const isChosen = facts.isEphemeral(port) && facts.fixedBecause(listener) === undefined;
      if (!socket || isChosen || facts.reservationsAt(port, protocol).length > 0) return [];
      if (sockets.every(({ job }) => isNamed(inForce, protocol, job))) return [];
      return [
        {
          seen: `${whoText(socket)} listens on ${whereText(socket)}, and the profile reserves it for nobody`,
          ports: only(port),
          protocol,
          advice: `To reserve it: ${facts.keepingHolders(listener)}`,
        },
      ];
    });
  },
});

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

/** Where the guard could not be asked nothing is said. */
export const PROFILE_NOT_ENFORCED = check({
  code: 'PROFILE_NOT_ENFORCED',
  title: 'nothing enforces the profile',
  severities: ['info'],
  why: 'a profile was applied, and the kernel does not know it',
  explanation: [
    'There is a profile in force, and the guard is off or only observes. To enforce it: portreeve guard enforce.',
  ],
  run: ({ snapshot }) => {
    const guard = snapshot.inForce?.guard;
    if (guard === undefined || guard === 'enforce') return [];
    return [
      {
        seen: NOT_ENFORCED[guard],
        ports: [],
        advice: 'To enforce the profile: portreeve guard enforce',
      },
    ];
  },
});

/** Without a profile none is. */
export const INADDRANY_NOT_RESERVED = check({
  code: 'INADDRANY_NOT_RESERVED',
  title: 'ports for any address are not reserved for the kernel',
  severities: ['warning'],
  why: 'a program that is given a port for all stacks finds it reserved for another job in one of them',
  explanation: [
    'NETWORK statements of BPXPRMxx set ports aside for bind(2) to port 0 and any address (INADDRANYPORT, ' +
      'INADDRANYCOUNT), and the profile does not reserve them for the job of the kernel, OMVS unless STARTUP_PROC ' +
      'says another; without a profile nothing does. The member is the one of --bpxprm, or of [doctor] bpxprm in ' +
      'portreeve.toml.',
    'Write the PORTRANGE statement that the finding shows.',
  ],
  run: ({ snapshot }) => {
    const { inForce, inaddrAny: ranges } = snapshot;
    const profile = inForce?.profile ?? EMPTY_PROFILE;
    return ranges.flatMap((range) =>
      checkInaddrAny([range], profile, inForce?.omvsJob).map(({ message, hint, place }): Found => {
        return {
          seen: `${place.file}:${place.line}: ${message}`,
          ports: [{ first: range.first, last: range.last }],
          advice: hint,
        };
      }),
    );
  },
});

export const OPEN_TO_OTHERS = check({
  code: 'OPEN_TO_OTHERS',
  title: 'a port that is meant to be local is open to other hosts',
  severities: ['error'],
  why: 'the profile binds the port to this host alone, and the socket takes connections from others',
  explanation: [
    'A reservation says BIND with an address of the loopback, and a socket on that port has another address, ' +
      'or all of them. It was bound before the guard enforced the profile, or the guard does not enforce it: ' +
      'what is bound already stays as it is.',
    'Restart the service while the guard enforces the profile, or give it that address in its own configuration.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      const meant = localReservation(facts, listener);
      const open = meant && listener.sockets.find(isOpen);
      if (!open) return [];
      const { port, protocol } = listener;
      const { bind } = meant.options;
      return [
        {
          seen:
            `${placeOf(meant)} binds the port to ${bind ? formatIp(bind) : ''}, and ${whoText(open)} listens ` +
            `on ${whereText(open)}`,
          ports: only(port),
          protocol,
          advice: 'Restart the service while the guard enforces the profile, or have it listen there only.',
        },
      ];
    }),
});

/** The reservation of the holder's job, if it says that the port is for this host alone. */
function localReservation(facts: Facts, { port, protocol, sockets }: Listener): Reservation | undefined {
  const [socket] = sockets;
  const its = facts.reservationsAt(port, protocol).find((each) => socket && facts.lets(each, socket));
  const bind = its?.options.bind;
  return bind && isLoopback(bind) ? its : undefined;
}
