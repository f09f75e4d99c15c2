// Explains why the guard refused a port to portreeve itself: by which rule, to which job, and what to change.
import type { IpAddress } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Cgroups, Files } from '../../host/host.ts';
import { identityOfUid, readUsers } from '../../job/app/users.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import { changeText, placeText } from '../../profile/core/advice.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { decide } from '../../profile/core/decide.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import type { Reservation } from '../../profile/core/rules.ts';
import type { RuleTable } from '../../profile/core/table.ts';
import type { BindRequest, Denied } from '../../profile/core/verdict.ts';
import { tableIn } from './impact.ts';
import type { GuardState } from './kernel/kernel.ts';

/** The port that portreeve tried to open. */
export interface WantedPort {
  readonly address: IpAddress;
  readonly port: Port;
  readonly protocol: Protocol;
}

/** A process as the guard sees it. */
export interface JudgedProcess {
  readonly uid: number;
  /** The path of its cgroup below the root of the hierarchy. */
  readonly cgroup: string;
  /** The cookie of its network namespace. */
  readonly namespace: bigint;
}

/** What the guard's verdict depends on. */
export interface JudgedBy {
  readonly state: Pick<GuardState, 'mode' | 'isAttached' | 'namespaces' | 'home' | 'cgroupId' | 'revision'>;
  readonly jobs: Jobs;
  readonly choices: NameContext;
  readonly archive: ProfileArchive;
  readonly cgroups: Pick<Cgroups, 'at'>;
  readonly files: Pick<Files, 'readText'>;
}

/** Both protocols, because a port mapper needs its port for both. */
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp'];

/**
 * The refusal as PortreeveError `GUARD_REFUSED` (environment); undefined where the guard allows the bind or does not
 * judge the process. Throws what the archive throws.
 */
export function guardRefusal(
  wanted: WantedPort,
  process: JudgedProcess,
  by: JudgedBy,
): PortreeveError | undefined {
  const { state, jobs, archive, files, choices } = by;
  const line = cgroupsAbove(process.cgroup, by.cgroups);
  const isHere = state.home === process.namespace || state.namespaces.includes(process.namespace);
  if (state.mode !== 'enforce' || !state.isAttached || !isHere || !line.includes(state.cgroupId)) return;
  const { uid } = process;
  const ofCgroup = line.map((id) => jobs.cgroups.get(id)).find((each) => each !== undefined);
  const { name: job, aliases } = ofCgroup ?? jobs.users.get(uid) ?? jobNamed(UNKNOWN_JOB);
  const users = readUsers(files);
  const inForce = profileAfter(archive, state.revision);
  const groups = identityOfUid(uid, users).gids;
  const { address, port } = wanted;
  const who = { operation: 'bind', address, port, job, aliases, uid, groups, lowPortCapable: true } as const;
  const table = tableIn(inForce, choices, users);
  const verdict = decide(table, { ...who, protocol: wanted.protocol });
  if (verdict.allowed) return;
  return refusal(wanted, { job, verdict, hint: hintFor(who, table), revision: state.revision });
}

/** The numbers of a cgroup and its ancestors, itself first. */
function cgroupsAbove(path: string, cgroups: Pick<Cgroups, 'at'>): bigint[] {
  const parts = path.split('/').filter((part) => part !== '');
  const paths = parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`).reverse();
  return [...paths, '/'].flatMap((each) => cgroups.at(each)?.id ?? []);
}

/** What to change for each protocol that is refused. */
function hintFor(who: Omit<BindRequest, 'protocol'>, table: RuleTable): string {
  const changes = PROTOCOLS.flatMap((protocol) => {
    const verdict = decide(table, { ...who, protocol });
    return verdict.allowed ? [] : [changeFor(who, protocol, verdict, table)];
  });
  return `In the profile: ${changes.join('; ')}. Then: portreeve apply FILE`;
}

function changeFor(
  { port, job }: Pick<BindRequest, 'port' | 'job'>,
  protocol: Protocol,
  { reason, rule }: Denied,
  { profile }: RuleTable,
): string {
  if (reason === 'SAF_NOT_PERMITTED' && rule) return `no SAF in ${placeText(rule)}`;
  const covers = (each: Reservation) => each.protocol === protocol && each.first <= port && port <= each.last;
  return changeText(port, protocol, { all: [job], missing: [job] }, profile.reservations.filter(covers));
}

interface Refusal {
  readonly job: string;
  readonly verdict: Denied;
  readonly hint: string;
  readonly revision: number;
}

function refusal({ port, protocol }: WantedPort, { job, verdict, hint, revision }: Refusal): PortreeveError {
  const { rule, reason } = verdict;
  const by = rule ? `, by ${placeText(rule)}: ${rule.text}` : '';
  const message = `the guard refuses port ${port}/${protocol} to the job ${job}${by}`;
  const data = { port, protocol, job, reason, revision, file: rule?.file ?? null, line: rule?.line ?? null };
  return new PortreeveError('GUARD_REFUSED', message, hint, data);
}
