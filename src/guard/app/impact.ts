// Which sockets that are open now a change of the rules concerns: who would be refused, and who has to be restarted.
import type { Files, Sysctls } from '../../host/host.ts';
import { identityOfUid, readUsers, type Users } from '../../job/app/users.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import { type InForce, profileAfter } from '../../profile/app/in-force.ts';
import { safCheck } from '../../profile/app/racf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { RuleTable } from '../../profile/core/table.ts';
import type { OpenSocketQuery } from '../../sockets/core/open-sockets.ts';
import type { Seen, SeenSocket } from '../../sockets/core/seen.ts';
import { type Change, type Impact, impactOn, judgedAtBind } from '../core/impact.ts';
import type { TableChoices } from './settings.ts';

/** What it takes to tell. */
export interface ImpactDeps {
  /** The sockets of this network namespace, with whose they are. */
  readonly see: (query: OpenSocketQuery) => Seen;
  /** The cgroup with a number, from the root of the hierarchy on; undefined if there is none any more. */
  readonly cgroupPath: (id: bigint) => string | undefined;
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly files: Pick<Files, 'readText'>;
  /** When the host was started, in milliseconds since 1970. */
  readonly bootMs: number;
}

/** Rules that were enforced from some moment on. */
export interface Epoch {
  /** In milliseconds since 1970. */
  readonly fromMs: number;
  /** Their revision; undefined where they were never applied. */
  readonly revision: number | undefined;
  readonly rules: () => InForce;
}

/** A change of the rules. */
export interface RuleChange {
  /** Undefined: there are none yet. */
  readonly before: InForce | undefined;
  readonly after: InForce;
  /** What was enforced until now, the oldest first. */
  readonly epochs: readonly Epoch[];
  /** Only sockets that were made in this cgroup and below; undefined: all of them. */
  readonly cgroupId: bigint | undefined;
}

/** The sockets that a change concerns. */
export interface Impacts {
  /** By protocol and port; those that are refused, and those that have to be restarted. */
  readonly concerned: readonly Impact[];
  readonly refused: number;
  readonly restart: number;
  /** How many have what they would get. */
  readonly kept: number;
  /** How many processes did not let us look; the sockets of those have no owners. */
  readonly notSeen: number;
}

/** What the archive says was enforced, from the moment on at which the guard began to enforce (ms since 1970). */
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
 * Judges the sockets that hold ports now. Throws PortreeveError (environment) where they, or the kernel's settings of
 * ports, cannot be read.
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
  const seen = [deps.see({ protocol: 'tcp', states: ['LISTEN', 'BOUND'] }), deps.see({ protocol: 'udp' })];
  const isWithin = cgroupFilter(deps, change.cgroupId);
  const sockets = seen.flatMap((one) => one.sockets.filter(isWithin));
  const groupsOf = remembered((uid: number) => identityOfUid(uid, users).gids);
  const judged: Impact[] = [];
  // The rules of one epoch at a time are in memory.
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
  return summed(judged, Math.max(...seen.map(({ notSeen }) => notSeen)));
}

function summed(judged: readonly Impact[], notSeen: number): Impacts {
  const count = (fate: Impact['fate']) => judged.filter((one) => one.fate === fate).length;
  const concerned = judged.filter(({ fate }) => fate !== 'kept').sort((a, b) => compare(a.seen, b.seen));
  return { concerned, refused: count('refused'), restart: count('restart'), kept: count('kept'), notSeen };
}

function compare({ socket: a }: SeenSocket, { socket: b }: SeenSocket): number {
  return a.protocol.localeCompare(b.protocol) || a.local.port - b.local.port;
}

/** Rules as the guard would have them. */
export function tableIn({ profile, racf, options }: InForce, choices: NameContext, users: Users): RuleTable {
  const names = { sysname: options?.symbols['SYSNAME'] ?? '', tcpname: options?.tcpname ?? '' };
  const { authportJobs, omvsJob } = choices;
  const context = { authportJobs, saf: safCheck(racf, users, names) };
  return new RuleTable(judgedAtBind(profile), omvsJob === undefined ? context : { ...context, omvsJob });
}

/** Sockets by what was enforced when the oldest process that has them was started; where none is seen, of late. */
function byEpoch(
  sockets: readonly SeenSocket[],
  epochs: readonly Epoch[],
  bootMs: number,
): Map<Epoch | undefined, SeenSocket[]> {
  return Map.groupBy(sockets, (one) => {
    const startedMs = startOf(one, bootMs);
    return startedMs === undefined ? epochs.at(-1) : epochs.findLast(({ fromMs }) => fromMs <= startedMs);
  });
}

/** USER_HZ of <asm-generic/param.h>, which proc_pid_stat(5) counts in on every architecture of ours. */
const TICKS_PER_SECOND = 100;

/** When the oldest process that has a socket was started, in milliseconds since 1970; undefined if none is seen. */
export function startOf({ owners }: SeenSocket, bootMs: number): number | undefined {
  const [oldest] = owners;
  return oldest && bootMs + (oldest.startTicks * 1000) / TICKS_PER_SECOND;
}

/** Whether a guard of a cgroup judges a socket: it goes by where that was made. */
function cgroupFilter(
  { cgroupPath }: ImpactDeps,
  cgroupId: bigint | undefined,
): (one: SeenSocket) => boolean {
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
