// The use case of `portreeve explain`: collects the facts about a port of this host, and explains them.
import { SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import type { Protocol } from '../../base/port.ts';
import type { EventLine } from '../../guard/app/events-request.ts';
import type { ModeHere } from '../../guard/core/mode-here.ts';
import type { Sysctls } from '../../host/host.ts';
import { readUsers, type Users } from '../../job/app/users.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import { type Iana, ianaRange } from '../../names/core/iana.ts';
import { parseServices, type ServiceEntry } from '../../names/core/services.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { readSockets, type SocketDeps } from '../../sockets/app/read-sockets.ts';
import { type Explanation, explainPort, type PortNames, type Refusals } from '../core/explain/explain.ts';
import { type BinderDeps, bindersOf } from './binders.ts';
import type { Judge, RuleSettings } from './judging.ts';
import { orUnknown } from './or-unknown.ts';

/** A dependency that throws PortreeveError is reported as unknown. */
export interface ExplainDeps extends SocketDeps, BinderDeps {
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly archive: ProfileArchive;
  readonly settings: () => Promise<RuleSettings>;
  readonly iana: () => Promise<Iana>;
  /** What the guard does in this network namespace. */
  readonly guard: () => Promise<ModeHere>;
  /** The recent events of the guard about a port that the calling user may see, oldest first. */
  readonly events: (port: number) => Promise<readonly EventLine[]>;
  /** The registrations with the port mapper of this host; empty where there is no port mapper. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
}

const SERVICES = '/etc/services';

/**
 * Explains a port for each of the protocols. Throws PortreeveError (environment) where the sockets or the port settings
 * of the kernel cannot be read.
 */
export async function explain(
  port: number,
  protocols: readonly Protocol[],
  deps: ExplainDeps,
): Promise<Explanation[]> {
  const unknown: string[] = [];
  const tryQuery: Query = (what, query) => orUnknown(what, query, unknown);
  const kernel = readKernelPorts(deps.sysctls);
  const sockets = protocols.map((protocol) => ({ protocol, seen: readSockets(deps, { protocol, port }) }));
  const users = readUsers(deps.files);
  const { you, root } = bindersOf(deps, users);
  const [iana, services = [], { guard, judge, isApplied }, events, registered] = await Promise.all([
    deps.iana(),
    tryQuery(`the names of ${SERVICES}`, () => servicesOf(deps)),
    policyInForce(deps, users, tryQuery),
    tryQuery('the refusals of the guard', () => deps.events(port)),
    tryQuery('the registrations with the port mapper', deps.registrations),
  ]);
  return sockets.map(({ protocol, seen }) =>
    explainPort({
      port,
      protocol,
      seen,
      kernel,
      you: { ...you, verdict: judge?.verdict(you, port, protocol) },
      root: { ...root, verdict: judge?.verdict(root, port, protocol) },
      guard,
      revision: judge?.revision,
      reservations: judge ? covering(judge.profile, port, protocol) : isApplied === false ? [] : undefined,
      names: namesOf(port, protocol, { services, iana, registered }),
      refusals: events && refusalsOf(events.filter((event) => event.protocol === protocol)),
      unknown: [...unknown, ...unknownOwners(seen, deps.uid)],
    }),
  );
}

function servicesOf({ files }: ExplainDeps): ServiceEntry[] {
  return parseServices(files.readText(SERVICES, SERVICES_MAX_CHARACTERS) ?? '');
}

/** A query that may fail: see orUnknown(). */
type Query = <T>(what: string, query: () => T | Promise<T>) => Promise<T | undefined>;

/** The policy that applies to a bind; undefined is unknown. */
interface PolicyInForce {
  readonly guard: ModeHere | undefined;
  /** Undefined also where no profile was applied. */
  readonly judge: Judge | undefined;
  readonly isApplied: boolean | undefined;
}

/** Where no profile was ever applied there is no guard either, and the slow modules are not loaded. */
async function policyInForce(deps: ExplainDeps, users: Users, tryQuery: Query): Promise<PolicyInForce> {
  const isApplied = await tryQuery('the profile', () => deps.archive.heads().length > 0);
  if (isApplied === false) return { guard: 'off', judge: undefined, isApplied };
  const guard = await tryQuery('the mode of the guard', deps.guard);
  const judge = isApplied && (await tryQuery('the verdict of the profile', () => judgeOf(deps, users)));
  return { guard, judge: judge || undefined, isApplied };
}

async function judgeOf({ archive, settings }: ExplainDeps, users: Users): Promise<Judge> {
  const { judgeInForce } = await import('./judging.ts');
  return judgeInForce(archive, await settings(), users);
}

function covering({ reservations }: Profile, port: number, protocol: Protocol) {
  return reservations.filter((one) => one.protocol === protocol && one.first <= port && port <= one.last);
}

interface NameSources {
  readonly services: readonly ServiceEntry[];
  readonly iana: Iana;
  readonly registered: readonly RegisteredProgram[] | undefined;
}

function namesOf(port: number, protocol: Protocol, { services, iana, registered }: NameSources): PortNames {
  return {
    services: services.filter((entry) => entry.port === port && entry.protocol === protocol),
    iana: {
      range: ianaRange(port),
      status: iana.status(port, protocol),
      entries: iana.entries(port, protocol),
    },
    registered: registered?.filter((one) => one.port === port && one.protocol === protocol),
  };
}

/** Grouped by job, user, program, verdict and rule, the latest first. */
function refusalsOf(events: readonly EventLine[]): Refusals[] {
  const refusals = new Map<string, Refusals>();
  for (const { verdict, job, user, uid, command, rule, time, count } of events) {
    if (verdict === null) continue;
    const who = { verdict, job: job ?? undefined, user: user ?? (uid === null ? undefined : `uid ${uid}`) };
    const at = rule && { file: rule.file, line: rule.line };
    const key = JSON.stringify([who, command, at]);
    const before = refusals.get(key)?.count ?? 0;
    const latestMs = new Date(time).getTime();
    refusals.delete(key);
    refusals.set(key, {
      ...who,
      count: before + count,
      latestMs,
      command: command ?? undefined,
      rule: at ?? undefined,
    });
  }
  return [...refusals.values()].toReversed();
}

/** Only root may read the descriptors of other users' processes; and sockets of the kernel have no process. */
function unknownOwners({ sockets, hiddenProcesses }: ReturnType<typeof readSockets>, uid: number): string[] {
  const isMissing = sockets.some(({ socket, owners }) => socket.inode !== 0 && owners.length === 0);
  if (!isMissing) return [];
  const denied = `${hiddenProcesses} ${hiddenProcesses === 1 ? 'process' : 'processes'} could not be read`;
  if (uid !== 0)
    return [
      `owner unknown: ${hiddenProcesses > 0 ? denied : 'no process found'}; run as root to see all owners`,
    ];
  const kernel = 'no process found; it may be the kernel itself, as for NFS, VXLAN and WireGuard';
  return [`owner unknown: ${hiddenProcesses > 0 ? `${kernel}, and ${denied}` : kernel}`];
}
