// The answer in a line: can I have this port now; if not, why not, and what can be done.
import { isWildcard } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { RuleSource } from '../../policy/rules.ts';
import { type Attempt, OTHER_PLACES } from './attempts.ts';
import type { Conflict } from './bind-conflict.ts';
import type { Handout } from './handout.ts';
import { endText, holderText } from './holder-text.ts';
import type { Binder, Permission } from './permission.ts';
import type { KernelPorts, SeenSocket } from './seen.ts';

/**
 * Whether a server of whoever asks could have the port on all addresses, as servers usually bind: of TCP with
 * SO_REUSEADDR, of UDP without.
 */
export interface Answer {
  /** `unsure`: it rests on what the kernel does not show; more often than not it is no. */
  readonly can: 'yes' | 'no' | 'unsure';
  /** In a word, for programs. */
  readonly cause: Cause;
  /** Why: a sentence without its full stop. */
  readonly why: string;
  /** What can be done: sentences; empty where nothing has to be. */
  readonly advice: string;
  /** How long it takes until the port is free by itself, in milliseconds; undefined where that cannot be told. */
  readonly freeInMs: number | undefined;
}

/**
 * `FREE`; `EXPOSED`: free, and clients can get it; `LISTENING`, `BOUND`, `CONNECTED`, `WAITING`: what a socket does
 * that is in the way; `REFUSED`: the guard; `PRIVILEGED`: Linux.
 */
export type Cause =
  | 'FREE'
  | 'EXPOSED'
  | 'LISTENING'
  | 'BOUND'
  | 'CONNECTED'
  | 'WAITING'
  | 'REFUSED'
  | 'PRIVILEGED';

/** What it is answered by. */
export interface Situation {
  readonly port: number;
  readonly protocol: Protocol;
  readonly attempts: readonly Attempt<OnesSocket>[];
  readonly handout: Handout;
  readonly you: Binder & { readonly permission: Permission };
  readonly root: Binder & { readonly permission: Permission };
  readonly kernel: KernelPorts;
}

type OnesSocket = SeenSocket['socket'] & { readonly seen: SeenSocket };

/** Answers. */
export function answerOf(situation: Situation): Answer {
  const conflicts = usualConflicts(situation);
  if (conflicts.length > 0) return held(situation, conflicts);
  const { you, port, protocol, handout } = situation;
  if (you.permission === 'refused') return refused(situation);
  if (you.permission === 'privileged') return privileged(situation);
  const free = { can: 'yes', freeInMs: 0 } as const;
  if (handout.kind !== 'given') return { ...free, cause: 'FREE', why: 'nobody has it', advice: '' };
  return {
    ...free,
    cause: 'EXPOSED',
    why: 'nobody has it now, but the kernel can give it to a client at any moment',
    advice: `Keep it from clients: ${keeping(port, protocol)}.`,
  };
}

const keeping = (port: number, protocol: Protocol) =>
  `PORT ${port} ${protocol.toUpperCase()} and a job in a profile, or net.ipv4.ip_local_reserved_ports`;

/** What is in the way on the wildcards. Servers of TCP usually set SO_REUSEADDR, servers of UDP nothing. */
function usualConflicts({ attempts, protocol }: Situation): Conflict<OnesSocket>[] {
  const conflicts = attempts
    .filter(({ place }) => isWildcard(place.address) && !place.v6Only)
    .flatMap(({ reuseAddress, plain }) => (protocol === 'tcp' ? reuseAddress : plain).conflicts);
  const certain = conflicts.filter(({ unless }) => unless.length === 0);
  return certain.length > 0 ? certain : conflicts;
}

/** From the gravest on. */
const CAUSES = ['LISTENING', 'BOUND', 'CONNECTED', 'WAITING'] as const;

function causeOf({ state, inode, protocol }: SeenSocket['socket']): (typeof CAUSES)[number] {
  if (state === 'LISTEN' || (protocol === 'udp' && state === 'UNCONNECTED')) return 'LISTENING';
  if (state === 'BOUND') return 'BOUND';
  return inode === 0 ? 'WAITING' : 'CONNECTED';
}

function held(situation: Situation, conflicts: readonly Conflict<OnesSocket>[]): Answer {
  const holders = [...new Set(conflicts.map(({ holder }) => holder))];
  const cause = CAUSES.find((each) => holders.some((one) => causeOf(one) === each)) ?? 'CONNECTED';
  const gravest = holders.filter((one) => causeOf(one) === cause);
  const [first] = gravest;
  const others = holders.length - 1;
  const why = [
    first ? sentence(cause, first.seen) : '',
    ...(others > 0 ? [`and ${others} more ${others === 1 ? 'socket has' : 'sockets have'} it`] : []),
  ].join(', ');
  const isSure = conflicts.every(({ unless }) => unless.length === 0);
  const times = cause === 'WAITING' ? holders.map(({ expiresMs }) => expiresMs) : [];
  const known = times.filter((time) => time !== undefined);
  return {
    can: isSure ? 'no' : 'unsure',
    cause,
    why,
    advice: [...(isSure ? [] : [hiddenText(conflicts)]), ...remedies(situation, cause)].join(' '),
    freeInMs: known.length > 0 && known.length === times.length ? Math.max(...known) : undefined,
  };
}

function sentence(cause: (typeof CAUSES)[number], seen: SeenSocket): string {
  const { socket } = seen;
  const who = holderText(seen) ?? 'nobody that can be seen';
  const at = isWildcard(socket.local.address) ? '' : ` at ${endText(socket.local)}`;
  const to = socket.remote ? ` to ${endText(socket.remote)}` : '';
  if (cause === 'LISTENING') return socket.protocol === 'tcp' ? `${who} listens${at}` : `${who} has it${at}`;
  if (cause === 'BOUND') return `${who} has bound it${at} and does not listen`;
  if (cause === 'CONNECTED') return `${who} has it for a connection${to}`;
  const left = socket.expiresMs === undefined ? '' : ` for ${seconds(socket.expiresMs)} s more`;
  return `a connection${to} that has ended keeps it${left} (${socket.state})`;
}

/** Counts up: before that time it is not free. */
export const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** What can be done about it. A port that clients are given would be lost to them again. */
function remedies(
  { port, protocol, attempts, handout }: Situation,
  cause: (typeof CAUSES)[number],
): string[] {
  const another = `or take another port: portreeve suggest --near ${port}.`;
  const keep = handout.kind === 'given' ? [`Then keep it from clients: ${keeping(port, protocol)}.`] : [];
  const advice = {
    LISTENING: [`Stop it, ${another}`, ...freeElsewhere(attempts)],
    BOUND: [`End it, ${another}`, ...freeElsewhere(attempts)],
    CONNECTED: [
      'End the connection; whoever closes it first keeps his port for a minute (TIME_WAIT).',
      ...keep,
    ],
    WAITING: ['Wait for that.', ...keep],
  };
  return advice[cause];
}

/** Addresses that nobody has bound are a way out where nobody has the wildcard of their family. */
function freeElsewhere(attempts: Situation['attempts']): string[] {
  const free = OTHER_PLACES.filter((place) =>
    attempts.some((attempt) => attempt.place === place && attempt.plain.answer === 'free'),
  );
  const [only] = free;
  if (!only) return [];
  return [free.length > 1 ? 'Other addresses are free.' : `IPv${only.address.family} alone is free.`];
}

/** What the answer rests on. */
function hiddenText(conflicts: readonly Conflict[]): string {
  const options = [...new Set(conflicts.flatMap(({ unless }) => unless))];
  const isOne = new Set(conflicts.map(({ holder }) => holder)).size === 1;
  const they = isOne ? 'that socket has' : 'those sockets have';
  const isShared = options.length === 1 && options[0] === 'SO_REUSEADDR';
  const who = isShared ? 'A server that sets SO_REUSEADDR' : 'A server';
  const what = isShared ? 'it set, too' : `${options.join(' or ')} set`;
  return `${who} can have it now if ${they} ${what}; the kernel does not show that.`;
}

function refused({ you, root, port, protocol }: Situation): Answer {
  const { verdict } = you;
  const rule = verdict?.rule ? ` (${ruleText(verdict.rule)})` : '';
  const whose = verdict?.reason === 'RESERVED_FOR_NO_ONE' ? 'for no one' : `and not for job ${you.job}`;
  const isReserved = verdict?.reason.startsWith('RESERVED') ?? false;
  const why = isReserved
    ? `the profile reserves it ${whose}${rule}, and the guard enforces that`
    : `the profile does not let job ${you.job} have it${rule}, and the guard enforces that`;
  const ask = `Ask why: portreeve decide ${you.job} ${port}/${protocol}.`;
  return {
    can: 'no',
    cause: 'REFUSED',
    why: `${why}${rootText(you, root)}`,
    advice: `${ask} Run the server as the job that has it, or change the profile.`,
    freeInMs: undefined,
  };
}

const ruleText = ({ file, line }: RuleSource) => `${file}:${line}`;

function privileged({ you, root, kernel }: Situation): Answer {
  const why = `ports below ${kernel.unprivilegedStart} take CAP_NET_BIND_SERVICE, which you do not have`;
  return {
    can: 'no',
    cause: 'PRIVILEGED',
    why: why + rootText(you, root),
    advice: 'Run the server as root, or with that capability, or reserve the port for its job in a profile.',
    freeInMs: undefined,
  };
}

function rootText(you: Binder, root: Situation['root']): string {
  return you.uid !== 0 && root.permission === 'granted' ? '; root can have it' : '';
}
