// The answer in a line: can I have this port now; if not, why not, and what can be done.
import { isWildcard } from '../../../base/address.ts';
import type { RuleSource } from '../../../profile/core/rules.ts';
import { type AlikeSockets, lastsMs } from './alike-sockets.ts';
import type { Conflict } from './bind-conflict.ts';
import type { BindContext, HeldCause, Remedy } from './bind-context.ts';
import { endText, holderText, isToBeAccepted } from './holder-text.ts';
import type { Binder } from './permission.ts';
import { keeping, remediesOf, remediesOfPrivilege } from './remedies.ts';

/**
 * Whether a server of whoever asks could have the port on all addresses, as servers usually bind: of TCP with
 * SO_REUSEADDR, of UDP without.
 */
export interface Answer {
  /** `unsure`: it rests on what the kernel does not show. */
  readonly can: 'yes' | 'no' | 'unsure';
  /** The same, and where that is unsure what is the case more often than not. */
  readonly likely: 'yes' | 'no';
  /** In a word, for programs. */
  readonly cause: Cause;
  /** Why: a sentence without its full stop. */
  readonly why: string;
  /** What can be done; none where nothing has to be. */
  readonly remedies: readonly Remedy[];
  /** How long it takes until the port is free by itself, in milliseconds; undefined where that cannot be told. */
  readonly freeInMs: number | undefined;
}

/** `FREE`; `EXPOSED`: free, and clients can get it; what a socket does; `REFUSED`: the guard; `PRIVILEGED`: Linux. */
type Cause = 'FREE' | 'EXPOSED' | HeldCause | 'REFUSED' | 'PRIVILEGED';

/** From the gravest on. */
const HELD_CAUSES: readonly HeldCause[] = ['LISTENING', 'BOUND', 'CONNECTED', 'WAITING'];

/** Answers. */
export function answerOf(context: BindContext): Answer {
  const { you, allocation } = context;
  const conflicts = usualConflicts(context);
  if (conflicts.some(isCertain)) return held(context, conflicts);
  // Where options could help they do not help who may not have it.
  if (you.permission === 'refused') return refused(context);
  if (you.permission === 'privileged') return privileged(context);
  if (conflicts.length > 0) return held(context, conflicts);
  const free = { can: 'yes', likely: 'yes', freeInMs: 0 } as const;
  if (allocation.kind !== 'given') return { ...free, cause: 'FREE', why: 'nobody has it', remedies: [] };
  return {
    ...free,
    cause: 'EXPOSED',
    why: 'nobody has it now, but the kernel can give it to a client at any moment',
    remedies: keeping('Keep it from clients', context),
  };
}

/** What is in the way on the wildcards. Servers of TCP usually set SO_REUSEADDR, servers of UDP nothing. */
function usualConflicts({ attempts, protocol }: BindContext): Conflict<AlikeSockets>[] {
  const conflicts = attempts
    .filter(({ place }) => isWildcard(place.address) && !place.v6Only)
    .flatMap(({ reuseAddress, plain }) => (protocol === 'tcp' ? reuseAddress : plain).conflicts);
  const certain = conflicts.filter(isCertain);
  return certain.length > 0 ? certain : conflicts;
}

const isCertain = ({ unless }: Conflict) => unless.length === 0;

/** The states in which a process can have closed its socket already. */
const ENDED: ReadonlySet<AlikeSockets['state']> = new Set([
  'FIN_WAIT1',
  'FIN_WAIT2',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
]);

function causeOf({ state, inode, protocol }: AlikeSockets): HeldCause {
  if (state === 'LISTEN' || (protocol === 'udp' && state === 'UNCONNECTED')) return 'LISTENING';
  if (state === 'BOUND') return 'BOUND';
  return inode === 0 && ENDED.has(state) ? 'WAITING' : 'CONNECTED';
}

function held(context: BindContext, conflicts: readonly Conflict<AlikeSockets>[]): Answer {
  const holders = [...new Set(conflicts.map(({ holder }) => holder))];
  const cause = HELD_CAUSES.find((each) => holders.some((one) => causeOf(one) === each)) ?? 'CONNECTED';
  const mostSevere = holders.filter((one) => causeOf(one) === cause);
  const longest = Math.max(...mostSevere.map(lastsMs));
  const first = mostSevere.find((one) => lastsMs(one) === longest);
  const isSure = conflicts.every(isCertain);
  const likely = !isSure && isOfServer(cause, conflicts, context) ? 'yes' : 'no';
  const hidden = isSure ? [] : [hiddenOptions(conflicts, likely)];
  return {
    can: isSure ? 'no' : 'unsure',
    likely,
    cause,
    why: first ? `${sentence(cause, first)}${othersText(holders)}` : '',
    remedies: first ? [...hidden, ...remediesOf(context, cause, first.seen)] : [],
    freeInMs: cause === 'WAITING' && Number.isFinite(longest) ? longest : undefined,
  };
}

/**
 * Connections on a port that no client is given are those of a server, which mostly has set SO_REUSEADDR; each has what
 * its listener had. Clients mostly have set nothing.
 */
function isOfServer(cause: HeldCause, conflicts: readonly Conflict[], { allocation }: BindContext): boolean {
  const isConnection = cause === 'CONNECTED' || cause === 'WAITING';
  return (
    isConnection &&
    allocation.kind !== 'given' &&
    conflicts.every(({ unless }) => unless.includes('SO_REUSEADDR'))
  );
}

function othersText(holders: readonly AlikeSockets[]): string {
  const others = holders.reduce((sum, { count }) => sum + count, -1);
  return others === 0 ? '' : `, and ${others} more ${others === 1 ? 'socket has' : 'sockets have'} it`;
}

function sentence(cause: HeldCause, { seen }: AlikeSockets): string {
  const { socket } = seen;
  const who = holderText(seen) ?? 'nobody that can be seen';
  const at = isWildcard(socket.local.address) ? '' : ` at ${endText(socket.local)}`;
  const to = socket.remote ? ` to ${endText(socket.remote)}` : '';
  if (cause === 'LISTENING') return socket.protocol === 'tcp' ? `${who} listens${at}` : `${who} has it${at}`;
  if (cause === 'BOUND') return `${who} has bound it${at} and does not listen`;
  if (isToBeAccepted(socket)) return `a connection${to} that nobody has accepted yet has it`;
  if (cause === 'CONNECTED') return `${who} has it for a connection${to}`;
  const left = socket.expiresMs === undefined ? '' : ` for ${seconds(socket.expiresMs)} s more`;
  return `a connection${to} that has ended keeps it${left} (${socket.state})`;
}

/** Counts up: before that time it is not free. */
const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** What the answer rests on. */
function hiddenOptions(conflicts: readonly Conflict<AlikeSockets>[], likely: Answer['likely']): Remedy {
  const options = [...new Set(conflicts.flatMap(({ unless }) => unless))];
  const sockets = [...new Set(conflicts.map(({ holder }) => holder))];
  const isOne = sockets.length === 1 && sockets[0]?.count === 1;
  const they = isOne ? 'that socket has' : 'those sockets have';
  const isShared = options.length === 1 && options[0] === 'SO_REUSEADDR';
  const who = isShared ? 'A server that sets SO_REUSEADDR' : 'A server';
  const what = isShared ? 'it set, too' : `${options.join(' or ')} set`;
  const text =
    likely === 'no'
      ? `${who} can have it now if ${they} ${what}; the kernel does not show that`
      : `${who} gets it all the same if ${they} ${what}, as those of servers mostly have`;
  return { text };
}

function refused({ you, root, port, protocol }: BindContext): Answer {
  const { verdict } = you;
  const rule = verdict?.rule ? ` (${ruleText(verdict.rule)})` : '';
  const whose = verdict?.reason === 'RESERVED_FOR_NO_ONE' ? 'for no one' : `and not for job ${you.job}`;
  const isReserved = verdict?.reason.startsWith('RESERVED') ?? false;
  const why = isReserved
    ? `the profile reserves it ${whose}${rule}, and the guard enforces that`
    : `the profile does not let job ${you.job} have it${rule}, and the guard enforces that`;
  return {
    can: 'no',
    likely: 'no',
    cause: 'REFUSED',
    why: `${why}${rootText(you, root)}`,
    remedies: [
      { text: 'Ask why', command: `portreeve decide ${you.job} ${port}/${protocol}` },
      { text: 'Run the server as the job that has it, or change the profile' },
    ],
    freeInMs: undefined,
  };
}

const ruleText = ({ file, line }: RuleSource) => `${file}:${line}`;

function privileged({ you, root, kernel }: BindContext): Answer {
  const why = `ports below ${kernel.unprivilegedStart} take CAP_NET_BIND_SERVICE, which you do not have here`;
  return {
    can: 'no',
    likely: 'no',
    cause: 'PRIVILEGED',
    why: why + rootText(you, root),
    remedies: remediesOfPrivilege(root),
    freeInMs: undefined,
  };
}

function rootText(you: Binder, root: BindContext['root']): string {
  return you.uid !== 0 && root.permission === 'granted' ? '; root can have it' : '';
}
