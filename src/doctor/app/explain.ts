// All about one port of this host: gathers what is known, and has it explained.
import { SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import type { Protocol } from '../../base/port.ts';
import type { EventLine } from '../../guard/app/events-asked.ts';
import type { ModeHere } from '../../guard/core/mode-here.ts';
import type { Sysctls } from '../../host/host.ts';
import { readUsers, type Users } from '../../job/app/users.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import { type Iana, ianaRange } from '../../names/core/iana.ts';
import { parseServices, type ServiceEntry } from '../../names/core/services.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { type SeeDeps, seeSockets } from '../../sockets/app/see.ts';
import { type Explanation, explainPort, type PortNames, type Refusals } from '../core/explain/explain.ts';
import { answered } from './answered.ts';
import { bindersOf, type WhoDeps } from './binders.ts';
import type { Judge, RuleSettings } from './judging.ts';

/** Where it is gathered. What throws PortreeveError is told as what could not be looked at. */
export interface ExplainDeps extends SeeDeps, WhoDeps {
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly archive: ProfileArchive;
  readonly settings: () => Promise<RuleSettings>;
  readonly iana: () => Promise<Iana>;
  /** What the guard does in this network namespace. */
  readonly guard: () => Promise<ModeHere>;
  /** What the guard did with a port lately, as far as the one who asks may see it, oldest first. */
  readonly events: (port: number) => Promise<readonly EventLine[]>;
  /** What is registered with the port mapper of this host; none where there is none. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
}

const SERVICES = '/etc/services';

/**
 * Explains a port, for each protocol that is asked for. Throws PortreeveError (environment) where the sockets, or the
 * kernel's settings of ports, cannot be read: without them there is nothing to say.
 */
export async function explain(
  port: number,
  protocols: readonly Protocol[],
  deps: ExplainDeps,
): Promise<Explanation[]> {
  const unknown: string[] = [];
  const ask: Ask = (what, question) => answered(what, question, unknown);
  const kernel = readKernelPorts(deps.sysctls);
  const looks = protocols.map((protocol) => ({ protocol, seen: seeSockets(deps, { protocol, port }) }));
  const users = readUsers(deps.files);
  const { you, root } = bindersOf(deps, users);
  const [iana, services = [], { guard, judge, isApplied }, events, registered] = await Promise.all([
    deps.iana(),
    ask(`the names of ${SERVICES}`, () => servicesOf(deps)),
    judging(deps, users, ask),
    ask('what the guard refused', () => deps.events(port)),
    ask('what is registered with the port mapper', deps.registrations),
  ]);
  return looks.map(({ protocol, seen }) =>
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
      unknown: [...unknown, ...unseen(seen, deps.uid)],
    }),
  );
}

function servicesOf({ files }: ExplainDeps): ServiceEntry[] {
  return parseServices(files.readText(SERVICES, SERVICES_MAX_CHARACTERS) ?? '');
}

/** Asks for what may not be told. */
type Ask = <T>(what: string, question: () => T | Promise<T>) => Promise<T | undefined>;

/** What a bind is judged by; undefined is what is not known. */
interface Judging {
  readonly guard: ModeHere | undefined;
  /** Undefined also where no profile was applied. */
  readonly judge: Judge | undefined;
  readonly isApplied: boolean | undefined;
}

/** Where nothing was ever applied there is no guard either, and nothing of all that has to be loaded. */
async function judging(deps: ExplainDeps, users: Users, ask: Ask): Promise<Judging> {
  const isApplied = await ask('the profile', () => deps.archive.heads().length > 0);
  if (isApplied === false) return { guard: 'off', judge: undefined, isApplied };
  const guard = await ask('what the guard does', deps.guard);
  const judge = isApplied && (await ask('what the profile says', () => judgeOf(deps, users)));
  return { guard, judge: judge || undefined, isApplied };
}

async function judgeOf({ archive, settings }: ExplainDeps, users: Users): Promise<Judge> {
  const { judgeInForce } = await import('./judging.ts');
  return judgeInForce(archive, await settings(), users);
}

function covering({ reservations }: Profile, port: number, protocol: Protocol) {
  return reservations.filter((one) => one.protocol === protocol && one.first <= port && port <= one.last);
}

interface Registries {
  readonly services: readonly ServiceEntry[];
  readonly iana: Iana;
  readonly registered: readonly RegisteredProgram[] | undefined;
}

function namesOf(port: number, protocol: Protocol, { services, iana, registered }: Registries): PortNames {
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

/** Those of one job, user, program, verdict and rule together, the latest first. */
function refusalsOf(events: readonly EventLine[]): Refusals[] {
  const refusals = new Map<string, Refusals>();
  for (const { verdict, job, user, uid, command, rule, time, count } of events) {
    if (verdict === null) continue;
    const of = { verdict, job: job ?? undefined, user: user ?? (uid === null ? undefined : `uid ${uid}`) };
    const at = rule && { file: rule.file, line: rule.line };
    const key = JSON.stringify([of, command, at]);
    const before = refusals.get(key)?.count ?? 0;
    const latestMs = new Date(time).getTime();
    refusals.delete(key);
    refusals.set(key, {
      ...of,
      count: before + count,
      latestMs,
      command: command ?? undefined,
      rule: at ?? undefined,
    });
  }
  return [...refusals.values()].toReversed();
}

/** Without root the processes of others do not tell what they have open; and not every socket has a process. */
function unseen({ sockets, notSeen }: ReturnType<typeof seeSockets>, uid: number): string[] {
  const isMissing = sockets.some(({ socket, owners }) => socket.inode !== 0 && owners.length === 0);
  if (!isMissing) return [];
  const denied = `${notSeen} ${notSeen === 1 ? 'process does' : 'processes do'} not let us look`;
  if (uid !== 0) return [`which program has it: ${notSeen > 0 ? denied : 'none is seen'}; root sees more`];
  const nobody = 'none that can be seen; it may be the kernel itself, as of NFS, VXLAN and WireGuard';
  return [`which program has it: ${notSeen > 0 ? `${nobody}, and ${denied}` : nobody}`];
}
