// Reads the sockets of a host and determines the owner of each: processes, user, unit, container, and job.
import { parseIp } from '../../base/address.ts';
import { JOB_CGROUP_PREFIX, type Job, jobNamed, PORTMAP_JOB, UNKNOWN_JOB } from '../../base/job.ts';
import type { OpenSocket, SocketEnd, SocketOwner } from '../../base/open-socket.ts';
import { isPort, PORT_MAX, parseDecimal } from '../../base/port.ts';
import type { Cgroups, ControlGroup, JobCgroup } from '../../host/host.ts';
import { activatedBy, type UnitReader } from '../../job/app/host-units.ts';
import { jobsOf } from '../../job/app/naming.ts';
import { readUsers } from '../../job/app/users.ts';
import { containerOfCgroup, unitOfCgroup } from '../../job/core/places.ts';
import { DAEMON_TITLE, DAEMON_UNIT } from '../../kit/daemon-names.ts';
import type { Account } from '../../text/passwd.ts';
import type { OpenSocketQuery, OpenSockets } from '../core/open-sockets.ts';
import type { ListedSocket, SocketSnapshot } from '../core/socket-snapshot.ts';

export interface SocketDeps {
  readonly sockets: OpenSockets;
  readonly files: UnitReader;
  /** Undefined on a host without cgroup v2. */
  readonly cgroups: JobCgroups | undefined;
}

/** The part of Cgroups that determines jobs. */
export type JobCgroups = Pick<Cgroups, 'at' | 'marked' | 'canReadMarks'>;

/**
 * The sockets that match the query and `isWanted`, each with its owners. Throws what OpenSockets.list() throws.
 */
export function readSockets(
  deps: SocketDeps,
  query: OpenSocketQuery = {},
  isWanted: (socket: OpenSocket) => boolean = () => true,
): SocketSnapshot {
  const sockets = deps.sockets.list(query).filter(isWanted);
  const inodes = new Set<number>();
  for (const { inode } of sockets) if (inode !== 0) inodes.add(inode);
  const { owners, hiddenProcesses } = inodes.size > 0 ? deps.sockets.owners(inodes) : NO_HOLDERS;
  const origins = new Origins(deps);
  const seen = sockets.map((socket) => listedSocket(socket, owners.get(socket.inode) ?? NO_OWNERS, origins));
  return { sockets: seen, hiddenProcesses };
}

const NO_OWNERS: readonly SocketOwner[] = [];
const NO_HOLDERS = { owners: new Map<number, readonly SocketOwner[]>(), hiddenProcesses: 0 } as const;

function listedSocket(socket: OpenSocket, owners: readonly SocketOwner[], origins: Origins): ListedSocket {
  const { user, unit, container, job, aliases, isAssigned } = origins.of(socket, owners);
  const forwardsTo = owners.length > 0 ? forwardOf(owners) : undefined;
  const isOwn = !isAssigned && isDaemonSocket({ socket, owners, unit, container });
  const judged = isOwn ? { job: PORTMAP_JOB } : { job, aliases };
  return { socket, owners, user, unit, container, forwardsTo, ...judged };
}

const ROOT = 0;

/**
 * Whether the host's daemon opened a socket, even if no guard was active to record its job. The daemon of an ordinary
 * user, or one in a container, cannot create a cgroup for its job. Any process can take the daemon's name, but not
 * root's uid.
 */
function isDaemonSocket({
  socket,
  owners,
  unit,
  container,
}: Pick<ListedSocket, 'socket' | 'owners' | 'unit' | 'container'>): boolean {
  if (socket.uid !== ROOT || container) return false;
  if (owners.length === 0) return unit === DAEMON_UNIT;
  return owners.some(
    ({ name, command, uid }) => name === DAEMON_TITLE && command === DAEMON_TITLE && uid === ROOT,
  );
}

/** What is known about sockets of one cgroup and user. */
interface Origin extends Pick<ListedSocket, 'user' | 'unit' | 'container' | 'job'> {
  readonly aliases: readonly string[];
  /** Whether the cgroup was created for the job; otherwise the job is that of a unit or a user. */
  readonly isAssigned: boolean;
}

/** Looks up each cgroup and user once. */
class Origins {
  readonly #deps: SocketDeps;
  readonly #cgroups = new Map<bigint, string | undefined>();
  readonly #known = new Map<string, Origin>();
  #users: Users | undefined;
  /** The last result: consecutive sockets often have the same origin. */
  #last: (Pick<OpenSocket, 'cgroupId' | 'uid'> & { readonly origin: Origin }) | undefined;

  constructor(deps: SocketDeps) {
    this.#deps = deps;
  }

  /** By the cgroup in which it was created or, if that no longer exists, by that of a process that has it open. */
  of({ cgroupId, uid }: OpenSocket, owners: readonly SocketOwner[]): Origin {
    const last = this.#last;
    if (last && last.uid === uid && last.cgroupId === cgroupId) return last.origin;
    const path = this.#pathOf(cgroupId);
    if (path === undefined && owners.length > 0) return this.#at(cgroupOfHolder(owners), uid);
    const origin = this.#at(path, uid);
    if (path !== undefined || uid === undefined) this.#last = { cgroupId, uid, origin };
    return origin;
  }

  #at(path: string | undefined, uid: number | undefined): Origin {
    const key = `${path} ${uid}`;
    const origin = this.#known.get(key) ?? this.#read(path, uid);
    this.#known.set(key, origin);
    return origin;
  }

  #read(path: string | undefined, uid: number | undefined): Origin {
    this.#users ??= usersOf(readUsers(this.#deps.files).accounts);
    const { names, jobs } = this.#users;
    const userJob = uid === undefined ? undefined : jobs.get(uid);
    const cgroupJob = path === undefined ? undefined : jobAt(path, this.#deps);
    const { name: job, aliases } = cgroupJob ?? userJob ?? jobNamed(UNKNOWN_JOB);
    return {
      user: uid === undefined ? undefined : names.get(uid),
      unit: path === undefined ? undefined : unitOfCgroup(path),
      container: path === undefined ? undefined : containerOfCgroup(path),
      job,
      aliases,
      isAssigned: cgroupJob !== undefined && isJobCgroup(path ?? ''),
    };
  }

  #pathOf(id: bigint | undefined): string | undefined {
    if (id === undefined) return undefined;
    if (!this.#cgroups.has(id)) this.#cgroups.set(id, this.#deps.sockets.cgroupPath(id));
    return this.#cgroups.get(id);
  }
}

/** User names and their jobs, by uid. */
interface Users {
  readonly names: ReadonlyMap<number, string>;
  readonly jobs: ReadonlyMap<number, Job>;
}

/** The service manager also holds the sockets of units that are not running (systemd.socket(5)). */
const MANAGER_PID = 1;

/** The cgroup of the oldest owner other than the service manager. */
function cgroupOfHolder(owners: readonly SocketOwner[]): string | undefined {
  return owners.find(({ pid }) => pid !== MANAGER_PID)?.cgroup;
}

const isJobCgroup = (path: string): boolean => path.includes(`/${JOB_CGROUP_PREFIX}`);

/** The job of the cgroup or of the nearest ancestor that has one. */
export function jobAt(
  path: string,
  { cgroups, files }: Pick<SocketDeps, 'cgroups' | 'files'>,
): Job | undefined {
  if (!cgroups) return undefined;
  const line = lineOf(cgroups, path);
  const made = isJobCgroup(path) ? jobCgroupsIn(line, cgroups) : [];
  const activates = (unit: string) => activatedBy(files, unit);
  const jobs = jobsOf({ cgroups: line, made, accounts: [], activates }).cgroups;
  return line.map(({ id }) => jobs.get(id)).find((job) => job !== undefined);
}

/** The name of a cgroup that was created for a job contains the job and a number. */
const JOB_CGROUP = new RegExp(`/${JOB_CGROUP_PREFIX}([^/]+)-[0-9]+(?:\\.[0-9]+)?$`);

/**
 * The cgroups that were created for a job. The kernel identifies them by a mark (an extended attribute); without
 * permission to read marks, they are identified by the names of cgroups that belong to root.
 */
function jobCgroupsIn(line: readonly ControlGroup[], cgroups: JobCgroups): JobCgroup[] {
  if (cgroups.canReadMarks) return cgroups.marked();
  return line.flatMap((group) => {
    const job = JOB_CGROUP.exec(group.path)?.[1];
    const isTrusted = group.uid === ROOT && containerOfCgroup(group.path) === undefined;
    return job !== undefined && isTrusted ? [{ ...group, job, grantee: ROOT }] : [];
  });
}

function usersOf(accounts: readonly Account[]): Users {
  const names = new Map(accounts.toReversed().map(({ uid, name }) => [uid, name]));
  return { names, jobs: jobsOf({ cgroups: [], made: [], accounts }).users };
}

/** A cgroup and its ancestors, itself first. */
function lineOf(cgroups: Pick<Cgroups, 'at'>, path: string): ControlGroup[] {
  const line: ControlGroup[] = [];
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const group = cgroups.at(at);
    if (group) line.push(group);
  }
  return line;
}

/** One process for each published port (docker-proxy of github.com/moby/moby). */
const DOCKER_PROXY = 'docker-proxy';

/** The destination of docker-proxy, from its arguments -container-ip and -container-port. */
function forwardOf(owners: readonly SocketOwner[]): SocketEnd | undefined {
  for (const owner of owners) {
    if (owner.name === DOCKER_PROXY) return forwardIn(owner.command.split(' '));
  }
  return undefined;
}

function forwardIn(words: readonly string[]): SocketEnd | undefined {
  const after = (option: string) => words[words.indexOf(option) + 1] ?? '';
  const address = parseIp(after('-container-ip'));
  const port = parseDecimal(after('-container-port'), PORT_MAX);
  return address && port !== undefined && isPort(port) ? { address, port } : undefined;
}
