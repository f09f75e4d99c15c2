// What the kernel at hand does otherwise than a profile says: each such thing once, with the statements behind it.
import { hasWildcard } from '../../base/job.ts';
import { PORT_RANGE, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import type { Profile, Reservation, RuleSource } from '../../profile/core/rules.ts';
import { PORTS, RULES_PER_PORT_MAX, WILDCARDS_MAX } from '../bpf/layout.ts';
import { type KernelFeatures, noDelayUs } from './features.ts';
import { poolDifferences } from './port-settings.ts';

/** Something that the profile says and the kernel does otherwise. */
export interface Limit {
  /** A word that does not change. */
  readonly code: string;
  /** Whether a program gets something else than the profile says; where not, only less is told of it. */
  readonly differs: boolean;
  /** What the kernel does instead, without a full stop. */
  readonly instead: string;
  /** Why, and what can be done about it: whole sentences. */
  readonly why: string;
  /** The first of the statements, in their order, and how many there are; none where it is about no statement. */
  readonly statements: readonly RuleSource[];
  readonly count: number;
}

/** What the limits depend on beside the profile and the kernel. */
export interface LimitContext {
  /** Patterns of the jobs that AUTHPORT lets in. */
  readonly authportJobs: readonly string[];
  /** The name that stands for every job. */
  readonly omvsJob: string;
  /** Whether groups have a say about a SAF resource. */
  readonly hasGroups: (resname: string) => boolean;
}

/** So many statements are named with a limit. */
const LIMIT_STATEMENTS_NAMED = 5;

/** What the kernel does otherwise than a profile says. */
export function limitsOf(profile: Profile, features: KernelFeatures, context: LimitContext): Limit[] {
  return [
    ...listenLimits(profile),
    ...lowPortLimits(profile, features),
    ...safLimits(profile, context),
    ...ackLimits(profile, features),
    ...poolLimits(profile, features),
    ...shareLimits(profile),
    ...smcLimits(profile),
    ...sizeLimits(profile, context),
    ...protocolLimits(features),
  ];
}

type Words = Pick<Limit, 'instead' | 'why'> & Partial<Pick<Limit, 'differs'>>;

/** A limit, unless there is no statement that it is about. */
function limit(code: string, sources: readonly (RuleSource | undefined)[], words: Words): Limit[] {
  const all = sources.filter((source) => source !== undefined);
  if (all.length === 0) return [];
  return [
    { differs: true, ...words, code, statements: all.slice(0, LIMIT_STATEMENTS_NAMED), count: all.length },
  ];
}

const sourcesOf = (rules: readonly { readonly source: RuleSource }[]) => rules.map(({ source }) => source);

function listenLimits({ unreserved }: Profile): Limit[] {
  const late = unreserved.filter(({ when }) => when === 'WHENLISTEN');
  return limit('LISTEN_AT_BIND', sourcesOf(late), {
    instead: 'WHENLISTEN: TCP ports that are not reserved are judged at bind(2), and not at listen(2)',
    why: 'No program of the guard is called at listen(2): who binds such a port and never listens is judged as well.',
  });
}

/** Ports below this are low. */
const LOW_PORTS_END = 1024;

function lowPortLimits({ tcp, udp }: Profile, { unprivilegedStart }: KernelFeatures): Limit[] {
  const restricted = [tcp.lowPorts, udp.lowPorts].filter((lowPorts) => lowPorts?.isRestricted);
  const sources = restricted.map((lowPorts) => lowPorts?.source);
  const setting = `${UNPRIVILEGED_START}, which is ${unprivilegedStart}`;
  const ports = `${Math.max(unprivilegedStart, 1)} to ${LOW_PORTS_END - 1}`;
  const open = limit('LOW_PORTS_OPEN', unprivilegedStart < LOW_PORTS_END ? sources : [], {
    instead: `RESTRICTLOWPORTS: the ports ${ports} are for root alone where they are not reserved`,
    why:
      `Linux asks for CAP_NET_BIND_SERVICE only below ${setting}, and the guard sees users and no capabilities. ` +
      `To have Linux restrict them: sysctl -w ${UNPRIVILEGED_START}=${LOW_PORTS_END}`,
  });
  const uncounted = limit('LOW_PORTS_UNCOUNTED', unprivilegedStart > 1 ? sources : [], {
    differs: false,
    instead: 'RESTRICTLOWPORTS: what Linux itself refuses is not counted, and is no event',
    why: `It asks for CAP_NET_BIND_SERVICE below ${setting}, after the guard has let it pass.`,
  });
  return [...open, ...uncounted];
}

function safLimits({ reservations, unreserved }: Profile, { hasGroups }: LimitContext): Limit[] {
  const entries = [
    ...reservations.map(({ options, source }) => ({ saf: options.saf, source })),
    ...unreserved,
  ].filter(({ saf }) => saf !== undefined && hasGroups(saf));
  return limit('SAF_GROUPS', sourcesOf(entries), {
    instead:
      'SAF: the groups of a user are those that the user database of the host gave when the tables were made',
    why: 'No program in the kernel sees the groups of a process: one that it was given otherwise does not count.',
  });
}

function ackLimits({ reservations, tcp }: Profile, { tickUs }: KernelFeatures): Limit[] {
  const general = tcp.acks?.acks === 'NODELAYACKS' ? [tcp.acks.source] : [];
  const own = reservations.filter(
    ({ protocol, options }) => protocol === 'tcp' && options.acks === 'NODELAYACKS',
  );
  const ticks =
    tickUs === undefined
      ? 'How long they are here could not be told.'
      : `They are ${milliseconds(tickUs)} each here.`;
  const late = limit('ACKS_NOT_AT_ONCE', [...general, ...sourcesOf(own)], {
    instead: `NODELAYACKS: acknowledgments wait up to ${milliseconds(noDelayUs(tickUs))}, and are not sent at once`,
    why: `The kernel takes no shorter delay than two of its ticks. ${ticks}`,
  });
  const unbound = limit('ACKS_OF_UNBOUND', general, {
    instead:
      'NODELAYACKS: acknowledgments of sockets that were never bound wait as long as without it, up to 200 ms',
    why: 'No program of the guard is called at connect(2), and at listen(2) of a socket that has no port yet.',
  });
  return [...late, ...unbound];
}

const MICROSECONDS_PER_MILLISECOND = 1000;

/** "8 ms", "6.7 ms" */
function milliseconds(us: number): string {
  const tenths = Math.round((us * 10) / MICROSECONDS_PER_MILLISECOND);
  return tenths % 10 === 0 ? `${tenths / 10} ms` : `${(tenths / 10).toFixed(1)} ms`;
}

function poolLimits(profile: Profile, { unprivilegedStart }: KernelFeatures): Limit[] {
  const explicit = limit('EXPLICIT_RANGE_UNUSED', [profile.explicitBindPorts?.source], {
    instead: `EXPLICITBINDPORTRANGE: bind(2) to port 0 and all addresses gets a port of ${PORT_RANGE}`,
    why: 'The guard could only guess a port: it sees those on which somebody listens, and none that is only bound.',
  });
  const differences = poolDifferences(profile, unprivilegedStart).flatMap(({ code, message, hint, source }) =>
    limit(code, [source], { instead: message, why: hint }),
  );
  return [...explicit, ...differences];
}

function shareLimits({ reservations }: Profile): Limit[] {
  const shared = reservations.filter(({ options }) => options.share !== undefined);
  return limit('SHARE_BY_USER', sourcesOf(shared), {
    instead: 'SHAREPORT: only sockets of one user share a port, and a hash spreads connections among them',
    why: 'SO_REUSEPORT shares no port between users, and does not look at how many connections a listener has.',
  });
}

const SMC_WHY =
  'Linux has them for sockets that ask for them (AF_SMC), and no program at bind(2) sees which do.';

function smcLimits({ reservations, autoSmc }: Profile): Limit[] {
  const saying = (smc: 'SMC' | 'NOSMC') =>
    sourcesOf(reservations.filter(({ options }) => options.smc === smc));
  const wanted = limit('SMC_UNUSED', [autoSmc?.isOn ? autoSmc.source : undefined, ...saying('SMC')], {
    instead: 'SMC, AUTOSMC: shared memory communications are not tried',
    why: SMC_WHY,
  });
  const forbidden = limit('SMC_NOT_REFUSED', saying('NOSMC'), {
    instead: 'NOSMC: shared memory communications are not refused',
    why: SMC_WHY,
  });
  return [...wanted, ...forbidden];
}

function sizeLimits(profile: Profile, context: LimitContext): Limit[] {
  const hint = 'The guard refuses the profile.';
  const wildcards = firstBeyond(profile, context);
  const patterns = limit('WILDCARDS', [wildcards], {
    instead: `only ${WILDCARDS_MAX} different patterns with wildcards can be looked at`,
    why: `${hint} Name jobs in full, or by fewer patterns.`,
  });
  const entries = limit('ENTRIES', sourcesOf(entriesBeyond(profile, context)), {
    instead: `only ${RULES_PER_PORT_MAX} entries for one port can be looked at`,
    why: `${hint} Name jobs by a pattern.`,
  });
  return [...patterns, ...entries];
}

/** The entry whose pattern is one too many. */
function firstBeyond({ reservations }: Profile, context: LimitContext): RuleSource | undefined {
  const seen = new Set<string>();
  for (const reservation of reservations) {
    for (const pattern of patternsOf(reservation, context)) {
      if (pattern !== '*' && pattern !== context.omvsJob && hasWildcard(pattern)) seen.add(pattern);
    }
    if (seen.size > WILDCARDS_MAX) return reservation.source;
  }
  return undefined;
}

/** The entries that are beyond those of a port that are looked at. */
function entriesBeyond({ reservations }: Profile, context: LimitContext): Reservation[] {
  const counts = { tcp: new Uint16Array(PORTS), udp: new Uint16Array(PORTS) };
  return reservations.filter((reservation) => {
    const { protocol, first } = reservation;
    const rules = Math.max(1, patternsOf(reservation, context).length);
    const count = (counts[protocol][first] ?? 0) + rules;
    counts[protocol][first] = count;
    return count > RULES_PER_PORT_MAX;
  });
}

function patternsOf({ use }: Reservation, { authportJobs }: LimitContext): readonly string[] {
  if (use.kind === 'AUTHPORT') return authportJobs;
  return use.kind === 'JOB' ? [use.pattern] : [];
}

/** What no statement can name. */
function protocolLimits({ otherProtocols }: KernelFeatures): Limit[] {
  const names = [...new Set(otherProtocols)];
  if (names.length === 0) return [];
  return [
    {
      code: 'PROTOCOLS_UNJUDGED',
      differs: false,
      instead: `ports of ${names.join(' and ')} are not judged`,
      why: 'They are none of TCP or UDP, and no statement is about them.',
      statements: [],
      count: 0,
    },
  ];
}
