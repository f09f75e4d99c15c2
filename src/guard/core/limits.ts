// Lists where this kernel deviates from a profile: each deviation once, with the statements that it affects.
import { hasWildcard } from '../../base/job.ts';
import { PORT_RANGE, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import type { Profile, Reservation, RuleSource } from '../../profile/core/rules.ts';
import { PORTS, RULES_PER_PORT_MAX, WILDCARDS_MAX } from '../bpf/layout.ts';
import { type KernelFeatures, noDelayUs } from './features.ts';
import { rangeDifferences } from './port-settings.ts';

/** A deviation of the kernel from the profile. */
export interface Limit {
  /** A stable code. */
  readonly code: string;
  /** Whether programs get something else than the profile states; otherwise only counters and events are affected. */
  readonly differs: boolean;
  /** What the kernel does instead, without a full stop. */
  readonly instead: string;
  /** Why, and what can be done about it: complete sentences. */
  readonly why: string;
  /** The first of the affected statements, in order, and the total number. */
  readonly statements: readonly RuleSource[];
  readonly count: number;
}

/** What the limits depend on, in addition to the profile and the kernel. */
export interface LimitContext {
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authportJobs: readonly string[];
  /** The name that matches every job. */
  readonly omvsJob: string;
  /** Whether groups are on the access list of a SAF resource. */
  readonly hasGroups: (resname: string) => boolean;
}

/** At most this many statements are listed with a limit. */
const LIMIT_STATEMENTS_NAMED = 5;

export function limitsOf(profile: Profile, features: KernelFeatures, context: LimitContext): Limit[] {
  return [
    ...listenLimits(profile),
    ...lowPortLimits(profile, features),
    ...safLimits(profile, context),
    ...ackLimits(profile, features),
    ...rangeLimits(profile, features),
    ...shareLimits(profile),
    ...smcLimits(profile),
    ...sizeLimits(profile, context),
    ...protocolLimits(features),
  ];
}

type Words = Pick<Limit, 'instead' | 'why'> & Partial<Pick<Limit, 'differs'>>;

/** A limit, if any statement is affected. */
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
    instead: 'WHENLISTEN: TCP ports that are not reserved are judged at bind(2), not at listen(2)',
    why: 'The kernel calls no BPF program at listen(2). Sockets that are bound but never listen are judged as well.',
  });
}

/** Ports below this are low. */
const LOW_PORTS_END = 1024;

function lowPortLimits({ tcp, udp }: Profile, { unprivilegedStart }: KernelFeatures): Limit[] {
  const restricted = [tcp.lowPorts, udp.lowPorts].filter((lowPorts) => lowPorts?.isRestricted);
  const sources = restricted.map((lowPorts) => lowPorts?.source);
  const setting = `${UNPRIVILEGED_START}, which is ${unprivilegedStart}`;
  const ports = `${Math.max(unprivilegedStart, 1)}-${LOW_PORTS_END - 1}`;
  const open = limit('LOW_PORTS_OPEN', unprivilegedStart < LOW_PORTS_END ? sources : [], {
    instead: `RESTRICTLOWPORTS: only root may bind the ports ${ports} that are not reserved`,
    why:
      `Linux requires CAP_NET_BIND_SERVICE only below ${setting}, and the guard cannot see capabilities. ` +
      `To make Linux restrict them: sysctl -w ${UNPRIVILEGED_START}=${LOW_PORTS_END}`,
  });
  const uncounted = limit('LOW_PORTS_UNCOUNTED', unprivilegedStart > 1 ? sources : [], {
    differs: false,
    instead: 'RESTRICTLOWPORTS: binds that Linux itself refuses are not counted and not recorded as events',
    why: `Linux requires CAP_NET_BIND_SERVICE below ${setting}, and checks it after the guard has allowed the bind.`,
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
      'SAF: the groups of a user are those in the user database of the host when the tables were built',
    why: 'BPF programs cannot see the groups of a process, so groups that it got in another way do not count.',
  });
}

function ackLimits({ reservations, tcp }: Profile, { tickUs }: KernelFeatures): Limit[] {
  const general = tcp.acks?.acks === 'NODELAYACKS' ? [tcp.acks.source] : [];
  const own = reservations.filter(
    ({ protocol, options }) => protocol === 'tcp' && options.acks === 'NODELAYACKS',
  );
  const ticks =
    tickUs === undefined
      ? 'The length of a tick of this kernel could not be determined.'
      : `A tick of this kernel is ${milliseconds(tickUs)}.`;
  const late = limit('ACKS_NOT_AT_ONCE', [...general, ...sourcesOf(own)], {
    instead: `NODELAYACKS: acknowledgments are delayed by up to ${milliseconds(noDelayUs(tickUs))}`,
    why: `The kernel accepts no delay shorter than two ticks. ${ticks}`,
  });
  const unbound = limit('ACKS_OF_UNBOUND', general, {
    instead:
      'NODELAYACKS: acknowledgments of sockets that were never bound are delayed as usual, by up to 200 ms',
    why: 'No program of the guard is called at connect(2), or at listen(2) of a socket without a port.',
  });
  return [...late, ...unbound];
}

const MICROSECONDS_PER_MILLISECOND = 1000;

/** "8 ms", "6.7 ms" */
function milliseconds(us: number): string {
  const tenths = Math.round((us * 10) / MICROSECONDS_PER_MILLISECOND);
  return tenths % 10 === 0 ? `${tenths / 10} ms` : `${(tenths / 10).toFixed(1)} ms`;
}

function rangeLimits(profile: Profile, { unprivilegedStart }: KernelFeatures): Limit[] {
  const explicit = limit('EXPLICIT_RANGE_UNUSED', [profile.explicitBindPorts?.source], {
    instead: `EXPLICITBINDPORTRANGE: bind(2) to port 0 and all addresses gets a port from ${PORT_RANGE}`,
    why: 'The guard could only guess a free port: it can see ports on which a socket listens, but not bound ports.',
  });
  const differences = rangeDifferences(profile, unprivilegedStart).flatMap(
    ({ code, message, hint, source }) => limit(code, [source], { instead: message, why: hint }),
  );
  return [...explicit, ...differences];
}

function shareLimits({ reservations }: Profile): Limit[] {
  const shared = reservations.filter(({ options }) => options.share !== undefined);
  return limit('SHARE_BY_USER', sourcesOf(shared), {
    instead:
      'SHAREPORT: only sockets of one user can share a port, and a hash distributes connections among them',
    why: 'SO_REUSEPORT does not share a port between users, and does not count the connections of each listener.',
  });
}

const SMC_WHY =
  'On Linux, programs request them by AF_SMC, and BPF programs at bind(2) cannot see which sockets do.';

function smcLimits({ reservations, autoSmc }: Profile): Limit[] {
  const withOption = (smc: 'SMC' | 'NOSMC') =>
    sourcesOf(reservations.filter(({ options }) => options.smc === smc));
  const wanted = limit('SMC_UNUSED', [autoSmc?.isOn ? autoSmc.source : undefined, ...withOption('SMC')], {
    instead: 'SMC, AUTOSMC: shared memory communications are not used',
    why: SMC_WHY,
  });
  const forbidden = limit('SMC_NOT_REFUSED', withOption('NOSMC'), {
    instead: 'NOSMC: shared memory communications are not refused',
    why: SMC_WHY,
  });
  return [...wanted, ...forbidden];
}

function sizeLimits(profile: Profile, context: LimitContext): Limit[] {
  const hint = 'The guard rejects the profile.';
  const wildcards = firstBeyond(profile, context);
  const patterns = limit('WILDCARDS', [wildcards], {
    instead: `at most ${WILDCARDS_MAX} different patterns with wildcards are supported`,
    why: `${hint} Use full job names, or fewer patterns.`,
  });
  const entries = limit('ENTRIES', sourcesOf(entriesBeyond(profile, context)), {
    instead: `at most ${RULES_PER_PORT_MAX} entries for one port are supported`,
    why: `${hint} Use a pattern instead of several job names.`,
  });
  return [...patterns, ...entries];
}

/** The entry whose pattern exceeds the maximum. */
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

/** The entries that exceed the maximum of their port. */
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

/** Limits that affect no statement. */
function protocolLimits({ otherProtocols }: KernelFeatures): Limit[] {
  const names = [...new Set(otherProtocols)];
  if (names.length === 0) return [];
  return [
    {
      code: 'PROTOCOLS_UNJUDGED',
      differs: false,
      instead: `ports of ${names.join(' and ')} are not judged`,
      why: 'They are not TCP or UDP ports, and statements of a profile do not apply to them.',
      statements: [],
      count: 0,
    },
  ];
}
