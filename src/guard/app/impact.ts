// Finds the open sockets that a change of the rules affects: those that would be refused and those that need a restart.
import type { Files, Sysctls } from '../../host/host.ts';
import { identityOfUid, readUsers, type Users } from '../../job/app/users.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import { type InForce, profileAfter } from '../../profile/app/in-force.ts';
import { safCheck } from '../../profile/app/racf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { RuleTable } from '../../profile/core/table.ts';
import type { OpenSocketQuery } from '../../sockets/core/open-sockets.ts';
import type { ListedSocket, SocketSnapshot } from '../../sockets/core/socket-snapshot.ts';
import { type Change, type Impact, impactOn, judgedAtBind } from '../core/impact.ts';
import type { TableChoices } from './settings.ts';

export interface ImpactDeps {
  /** The sockets of this network namespace, with their owners. */
  readonly readSockets: (query: OpenSocketQuery) => SocketSnapshot;
  /** The path of a cgroup below the root of the hierarchy; undefined if it no longer exists. */
  readonly cgroupPath: (id: bigint) => string | undefined;
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly files: Pick<Files, 'readText'>;
  /** When the host was booted, in milliseconds since 1970. */
  readonly bootMs: number;
}

/** Rules that were enforced from a point in time on. */
export interface Epoch {
  /** In milliseconds since 1970. */
  readonly fromMs: number;
  /** Undefined where the rules were never applied. */
  readonly revision: number | undefined;
  readonly rules: () => InForce;
}

export interface RuleChange {
  /** Undefined: there were none. */
  readonly before: InForce | undefined;
  readonly after: InForce;
  /** What has been enforced, oldest first. */
  readonly epochs: readonly Epoch[];
  /** Only sockets that were created in this cgroup and below; undefined: all sockets. */
  readonly cgroupId: bigint | undefined;
}

export interface Impacts {
  /** The refused sockets and those that need a restart, sorted by protocol and port. */
  readonly affected: readonly Impact[];
  readonly refused: number;
  readonly restart: number;
  /** How many sockets are not affected. */
  readonly kept: number;
  /** How many processes could not be read; their sockets have no owners. */
  readonly hiddenProcesses: number;
}

/** What the archive records as enforced since the guard began to enforce (ms since 1970). */
export function epochsSince(archive: ProfileArchive, enforcedMs: number): Epoch[] {
  const heads = archive.heads();
  const first = heads.findLast(({ timeMs }) => timeMs <= enforcedMs);
  return heads
    .filter((head) => head === first || head.timeMs > enforcedMs)
    .map(({ number, timeMs }) => ({
      fromMs: Math.max(timeMs, enforcedMs),
      revision: number,
      rules: () => profileAfter(archive, number),
    }));
}

/**
 * Judges the open sockets. Throws PortreeveError (environment) where they, or the kernel's port settings, cannot be
 * read.
 */
export function impactsOf(deps: ImpactDeps, change: RuleChange, choices: TableChoices): Impacts {
  const users = readUsers(deps.files);
  const tableOf = (inForce: InForce) => tableIn(inForce, choices, users);
  const after = tableOf(change.after);
  const rules: Change = {
    before: change.before && tableOf(change.before),
    after,
    ports: readKernelPorts(deps.sysctls),
    errno: choices.errno,
    errnoLow: choices.errnoLow,
  };
  const seen = [
    deps.readSockets({ protocol: 'tcp', states: ['LISTEN', 'BOUND'] }),
    deps.readSockets({ protocol: 'udp' }),
  ];
  const isWithin = cgroupFilter(deps, change.cgroupId);
  const sockets = seen.flatMap((one) => one.sockets.filter(isWithin));
  const groupsOf = remembered((uid: number) => identityOfUid(uid, users).gids);
  const judged: Impact[] = [];
  // Epoch by epoch, so that the rules of only one are in memory.
  for (const [epoch, its] of byEpoch(sockets, change.epochs, deps.bootMs)) {
    const isAfter = epoch?.revision !== undefined && epoch.revision === change.after.head?.number;
    const boundUnder = isAfter ? after : epoch && tableOf(epoch.rules());
    for (const one of its) {
      const { uid } = one.socket;
      const groups = uid === undefined ? [] : groupsOf(uid);
      const impact = impactOn({ seen: one, groups, boundUnder }, rules);
      if (impact) judged.push(impact);
    }
  }
  return summed(judged, Math.max(...seen.map(({ hiddenProcesses }) => hiddenProcesses)));
}

function summed(judged: readonly Impact[], hiddenProcesses: number): Impacts {
  const count = (effect: Impact['effect']) => judged.filter((one) => one.effect === effect).length;
  const affected = judged.filter(({ effect }) => effect !== 'kept').sort((a, b) => compare(a.seen, b.seen));
  return {
    affected,
    refused: count('refused'),
    restart: count('restart'),
    kept: count('kept'),
    hiddenProcesses,
  };
}

function compare({ socket: a }: ListedSocket, { socket: b }: ListedSocket): number {
  return a.protocol.localeCompare(b.protocol) || a.local.port - b.local.port;
}

/** The rules as the guard applies them. */
export function tableIn({ profile, racf, options }: InForce, choices: NameContext, users: Users): RuleTable {
  const names = { sysname: options?.symbols['SYSNAME'] ?? '', tcpname: options?.tcpname ?? '' };
  const { authportJobs, omvsJob } = choices;
  const context = { authportJobs, saf: safCheck(racf, users, names) };
  return new RuleTable(judgedAtBind(profile), omvsJob === undefined ? context : { ...context, omvsJob });
}

/** Groups sockets by the epoch in which their oldest process started; without a visible process, the last epoch. */
function byEpoch(
  sockets: readonly ListedSocket[],
  epochs: readonly Epoch[],
  bootMs: number,
): Map<Epoch | undefined, ListedSocket[]> {
  return Map.groupBy(sockets, (one) => {
    const startedMs = startOf(one, bootMs);
    return startedMs === undefined ? epochs.at(-1) : epochs.findLast(({ fromMs }) => fromMs <= startedMs);
  });
}

/** USER_HZ of <asm-generic/param.h>, the unit of proc_pid_stat(5) on every supported architecture. */
const TICKS_PER_SECOND = 100;

/** When the socket's oldest process started, in milliseconds since 1970; undefined if no process is visible. */
export function startOf({ owners }: ListedSocket, bootMs: number): number | undefined {
  const [oldest] = owners;
  return oldest && bootMs + (oldest.startTicks * 1000) / TICKS_PER_SECOND;
}

/** Whether the guard of a cgroup judges a socket: that depends on the cgroup in which the socket was created. */
function cgroupFilter(
  { cgroupPath }: ImpactDeps,
  cgroupId: bigint | undefined,
): (one: ListedSocket) => boolean {
  const root = cgroupId === undefined ? '/' : cgroupPath(cgroupId);
  if (root === '/') return () => true;
  const pathOf = remembered(cgroupPath);
  return ({ socket, owners }) => {
    const made = socket.cgroupId === undefined ? undefined : pathOf(socket.cgroupId);
    const path = made ?? owners[0]?.cgroup;
    return root !== undefined && path !== undefined && (path === root || path.startsWith(`${root}/`));
  };
}

function remembered<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined || made.has(key)) return known as Value;
    const value = make(key);
    made.set(key, value);
    return value;
  };
}
