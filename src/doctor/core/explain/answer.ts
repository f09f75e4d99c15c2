// The answer whether a server can bind a port now, the reason, and the remedies.
import { isWildcard } from '../../../base/address.ts';
import type { RuleSource } from '../../../profile/core/rules.ts';
import type { Conflict } from './bind-conflict.ts';
import type { BindContext, HeldCause, Remedy } from './bind-context.ts';
import { endText, holderText, isUnaccepted } from './holder-text.ts';
import type { Binder } from './permission.ts';
import { privilegeRemedies, remediesOf, reserveRemedies } from './remedies.ts';
import { remainingMs, type SocketGroup } from './socket-group.ts';

/**
 * Whether a server of the calling user could bind the port on all addresses, as servers usually do: for TCP with
 * SO_REUSEADDR, for UDP without.
 */
export interface Answer {
  /** `unknown`: it depends on socket options that the kernel does not show. */
  readonly available: 'yes' | 'no' | 'unknown';
  /** The same as `available`, or the more likely answer where that is `unknown`. */
  readonly likely: 'yes' | 'no';
  readonly cause: Cause;
  /** A phrase that continues "the port is" or "permission denied:". */
  readonly why: string;
  readonly remedies: readonly Remedy[];
  /** The time until the kernel frees the port, in milliseconds; undefined where that is unknown. */
  readonly freeInMs: number | undefined;
}

/**
 * `FREE`; `EXPOSED`: free, but an ephemeral port; a HeldCause; `REFUSED`: the guard refuses it; `PRIVILEGED`: Linux
 * requires CAP_NET_BIND_SERVICE.
 */
type Cause = 'FREE' | 'EXPOSED' | HeldCause | 'REFUSED' | 'PRIVILEGED';

/** Most severe first. */
const HELD_CAUSES: readonly HeldCause[] = ['LISTENING', 'BOUND', 'CONNECTED', 'WAITING'];

export function answerOf(context: BindContext): Answer {
  const { you, allocation } = context;
  const conflicts = defaultConflicts(context);
  if (conflicts.some(isCertain)) return held(context, conflicts);
  // Socket options could avoid the remaining conflicts, but not a lack of permission.
  if (you.permission === 'refused') return refused(context);
  if (you.permission === 'unprivileged') return unprivileged(context);
  if (conflicts.length > 0) return held(context, conflicts);
  const free = { available: 'yes', likely: 'yes', freeInMs: 0 } as const;
  if (allocation.kind !== 'assignable') return { ...free, cause: 'FREE', why: 'free', remedies: [] };
  return {
    ...free,
    cause: 'EXPOSED',
    why: 'free, but the kernel can assign it as an ephemeral port at any moment',
    remedies: reserveRemedies('Reserve it', context),
  };
}

/** The conflicts on the wildcard addresses. TCP servers usually set SO_REUSEADDR, UDP servers set nothing. */
function defaultConflicts({ attempts, protocol }: BindContext): Conflict<SocketGroup>[] {
  const conflicts = attempts
    .filter(({ place }) => isWildcard(place.address) && !place.v6Only)
    .flatMap(({ reuseAddress, plain }) => (protocol === 'tcp' ? reuseAddress : plain).conflicts);
  const certain = conflicts.filter(isCertain);
  return certain.length > 0 ? certain : conflicts;
}

const isCertain = ({ unless }: Conflict) => unless.length === 0;

/** The states in which the process may already have closed its socket. */
const CLOSING: ReadonlySet<SocketGroup['state']> = new Set([
  'FIN_WAIT1',
  'FIN_WAIT2',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
]);

function causeOf({ state, inode, protocol }: SocketGroup): HeldCause {
  if (state === 'LISTEN' || (protocol === 'udp' && state === 'UNCONNECTED')) return 'LISTENING';
  if (state === 'BOUND') return 'BOUND';
  return inode === 0 && CLOSING.has(state) ? 'WAITING' : 'CONNECTED';
}

function held(context: BindContext, conflicts: readonly Conflict<SocketGroup>[]): Answer {
  const holders = [...new Set(conflicts.map(({ holder }) => holder))];
  const cause = HELD_CAUSES.find((each) => holders.some((one) => causeOf(one) === each)) ?? 'CONNECTED';
  const mostSevere = holders.filter((one) => causeOf(one) === cause);
  const longest = Math.max(...mostSevere.map(remainingMs));
  const first = mostSevere.find((one) => remainingMs(one) === longest);
  const isKnown = conflicts.every(isCertain);
  const likely = !isKnown && areServerConnections(cause, conflicts, context) ? 'yes' : 'no';
  const hidden = isKnown ? [] : [hiddenOptions(conflicts, likely)];
  return {
    available: isKnown ? 'no' : 'unknown',
    likely,
    cause,
    why: first ? `${reasonText(cause, first)}${othersText(holders)}` : '',
    remedies: first ? [...hidden, ...remediesOf(context, cause, first.seen)] : [],
    freeInMs: cause === 'WAITING' && Number.isFinite(longest) ? longest : undefined,
  };
}

/**
 * Connections on a port that is not ephemeral belong to a server, which usually sets SO_REUSEADDR; they inherit the
 * options of its listener. Clients usually set no options.
 */
function areServerConnections(
  cause: HeldCause,
  conflicts: readonly Conflict[],
  { allocation }: BindContext,
): boolean {
  const isConnection = cause === 'CONNECTED' || cause === 'WAITING';
  return (
    isConnection &&
    allocation.kind !== 'assignable' &&
    conflicts.every(({ unless }) => unless.includes('SO_REUSEADDR'))
  );
}

function othersText(holders: readonly SocketGroup[]): string {
  const others = holders.reduce((sum, { count }) => sum + count, -1);
  return others === 0 ? '' : `; ${others} more ${others === 1 ? 'socket holds' : 'sockets hold'} it`;
}

function reasonText(cause: HeldCause, { seen }: SocketGroup): string {
  const { socket } = seen;
  const holder = holderText(seen);
  const inUse = holder === undefined ? 'in use, owner unknown' : `in use by ${holder}`;
  const at = isWildcard(socket.local.address) ? '' : ` at ${endText(socket.local)}`;
  const remote = socket.remote ? endText(socket.remote) : 'an unknown address';
  if (cause === 'LISTENING') return `${inUse}${at}`;
  if (cause === 'BOUND') return `${inUse}${at}, bound but not listening`;
  if (isUnaccepted(socket)) return `in use by a connection from ${remote} that is not accepted yet`;
  if (cause === 'CONNECTED') return `${inUse}, connected to ${remote}`;
  const left = socket.expiresMs === undefined ? '' : ` for ${seconds(socket.expiresMs)} s more`;
  return `in use by a closed connection to ${remote}${left} (${socket.state})`;
}

/** Rounds up: the port is not free before that time. */
const seconds = (ms: number): number => Math.ceil(ms / 1000);

/** Explains on which hidden options the answer depends. */
function hiddenOptions(conflicts: readonly Conflict<SocketGroup>[], likely: Answer['likely']): Remedy {
  const options = [...new Set(conflicts.flatMap(({ unless }) => unless))];
  const sockets = [...new Set(conflicts.map(({ holder }) => holder))];
  const isOne = sockets.length === 1 && sockets[0]?.count === 1;
  const holder = isOne ? 'that socket' : 'those sockets';
  const isShared = options.length === 1 && options[0] === 'SO_REUSEADDR';
  const server = isShared ? 'A server that sets SO_REUSEADDR' : 'A server';
  const condition = isShared ? `${holder} also set it` : `${holder} set ${options.join(' or ')}`;
  const note = likely === 'no' ? 'which the kernel does not show' : 'as sockets of servers usually do';
  return { text: `${server} can bind it now if ${condition}, ${note}` };
}

function refused({ you, root, port, protocol }: BindContext): Answer {
  const { verdict } = you;
  const by = verdict?.rule ? ` by ${ruleText(verdict.rule)}` : '';
  const isForNoOne = verdict?.reason === 'RESERVED_FOR_NO_ONE';
  const isReserved = verdict?.reason.startsWith('RESERVED') ?? false;
  const why = isReserved
    ? `reserved for ${isForNoOne ? 'no one' : 'another job'}${by}, and your job is ${you.job}`
    : `not permitted for job ${you.job}${by}`;
  return {
    available: 'no',
    likely: 'no',
    cause: 'REFUSED',
    why: `${why}; the guard enforces the profile${rootText(you, root)}`,
    remedies: [
      { text: 'To see how that was decided', command: `portreeve decide ${you.job} ${port}/${protocol}` },
      { text: 'Run the server as a permitted job, or change the profile' },
    ],
    freeInMs: undefined,
  };
}

const ruleText = ({ file, line }: RuleSource) => `${file}:${line}`;

function unprivileged({ you, root, kernel }: BindContext): Answer {
  const why = `ports below ${kernel.unprivilegedStart} require CAP_NET_BIND_SERVICE, which you do not have here`;
  return {
    available: 'no',
    likely: 'no',
    cause: 'PRIVILEGED',
    why: why + rootText(you, root),
    remedies: privilegeRemedies(root),
    freeInMs: undefined,
  };
}

function rootText(you: Binder, root: BindContext['root']): string {
  return you.uid !== 0 && root.permission === 'granted' ? '; root can bind it' : '';
}
