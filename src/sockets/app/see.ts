// The sockets of a host with all that tells whose they are: processes, users, units, containers, jobs.
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
import type { Seen, SeenSocket } from '../core/seen.ts';

/** What is looked with. */
export interface SeeDeps {
  readonly sockets: OpenSockets;
  readonly files: UnitReader;
  /** Undefined on a host without cgroups of version 2. */
  readonly cgroups: JobCgroups | undefined;
}

/** The part of the cgroups that tells jobs. */
export type JobCgroups = Pick<Cgroups, 'at' | 'marked' | 'canReadMarks'>;

/**
 * The sockets that fit the query, and of these those that are wanted, each with those who hold it. Throws what
 * OpenSockets.list() throws.
 */
export function seeSockets(
  deps: SeeDeps,
  query: OpenSocketQuery = {},
  isWanted: (socket: OpenSocket) => boolean = () => true,
): Seen {
  const sockets = deps.sockets.list(query).filter(isWanted);
  const inodes = new Set<number>();
  for (const { inode } of sockets) if (inode !== 0) inodes.add(inode);
  const { owners, notSeen } = inodes.size > 0 ? deps.sockets.owners(inodes) : NOBODY;
  const places = new Places(deps);
  const seen = sockets.map((socket) => seenSocket(socket, owners.get(socket.inode) ?? NO_OWNERS, places));
  return { sockets: seen, notSeen };
}

const NO_OWNERS: readonly SocketOwner[] = [];
const NOBODY = { owners: new Map<number, readonly SocketOwner[]>(), notSeen: 0 } as const;

function seenSocket(socket: OpenSocket, owners: readonly SocketOwner[], places: Places): SeenSocket {
  const { user, unit, container, job, aliases, isGiven } = places.of(socket, owners);
  const forwardsTo = owners.length > 0 ? forwardOf(owners) : undefined;
  const isOwn = !isGiven && isOfDaemon({ socket, owners, unit, container });
  const judged = isOwn ? { job: PORTMAP_JOB } : { job, aliases };
  return { socket, owners, user, unit, container, forwardsTo, ...judged };
}

const ROOT = 0;

/**
 * Whether a socket is one that the daemon of the host has opened, also where no guard was there that would have asked
 * for its job. A daemon of an ordinary user, and one in a container, cannot make itself a cgroup of the job. Its name
 * can be anybody's, but not with root's uid.
 */
function isOfDaemon({
  socket,
  owners,
  unit,
  container,
}: Pick<SeenSocket, 'socket' | 'owners' | 'unit' | 'container'>): boolean {
  if (socket.uid !== ROOT || container) return false;
  if (owners.length === 0) return unit === DAEMON_UNIT;
  return owners.some(
    ({ name, command, uid }) => name === DAEMON_TITLE && command === DAEMON_TITLE && uid === ROOT,
  );
}

/** What is known of the sockets of one cgroup and user. */
interface Place extends Pick<SeenSocket, 'user' | 'unit' | 'container' | 'job'> {
  readonly aliases: readonly string[];
  /** Whether the job was given to the cgroup, and is not that of a unit or a user. */
  readonly isGiven: boolean;
}

/** Cgroups and users, each looked up once. */
class Places {
  readonly #deps: SeeDeps;
  readonly #cgroups = new Map<bigint, string | undefined>();
  readonly #known = new Map<string, Place>();
  #users: Users | undefined;
  /** What was asked for last: neighbours are mostly alike. */
  #last: (Pick<OpenSocket, 'cgroupId' | 'uid'> & { readonly place: Place }) | undefined;

  constructor(deps: SeeDeps) {
    this.#deps = deps;
  }

  /** By the cgroup in which it was made; where that is gone, by the one of a process that has it. */
  of({ cgroupId, uid }: OpenSocket, owners: readonly SocketOwner[]): Place {
    const last = this.#last;
    if (last && last.uid === uid && last.cgroupId === cgroupId) return last.place;
    const path = this.#pathOf(cgroupId);
    if (path === undefined && owners.length > 0) return this.#at(cgroupOfHolder(owners), uid);
    const place = this.#at(path, uid);
    if (path !== undefined || uid === undefined) this.#last = { cgroupId, uid, place };
    return place;
  }

  #at(path: string | undefined, uid: number | undefined): Place {
    const key = `${path} ${uid}`;
    const place = this.#known.get(key) ?? this.#look(path, uid);
    this.#known.set(key, place);
    return place;
  }

  #look(path: string | undefined, uid: number | undefined): Place {
    this.#users ??= usersOf(readUsers(this.#deps.files).accounts);
    const { names, jobs } = this.#users;
    const jobOfUser = uid === undefined ? undefined : jobs.get(uid);
    const ofCgroup = path === undefined ? undefined : jobAt(path, this.#deps);
    const { name: job, aliases } = ofCgroup ?? jobOfUser ?? jobNamed(UNKNOWN_JOB);
    return {
      user: uid === undefined ? undefined : names.get(uid),
      unit: path === undefined ? undefined : unitOfCgroup(path),
      container: path === undefined ? undefined : containerOfCgroup(path),
      job,
      aliases,
      isGiven: ofCgroup !== undefined && isGivenAt(path ?? ''),
    };
  }

  #pathOf(id: bigint | undefined): string | undefined {
    if (id === undefined) return undefined;
    if (!this.#cgroups.has(id)) this.#cgroups.set(id, this.#deps.sockets.cgroupPath(id));
    return this.#cgroups.get(id);
  }
}

/** The names of users, and the jobs that these stand for, by uid. */
interface Users {
  readonly names: ReadonlyMap<number, string>;
  readonly jobs: ReadonlyMap<number, Job>;
}

/** It has the sockets of units as well that have none of their own running (systemd.socket(5)). */
const MANAGER_PID = 1;

/** Where whoever has it longest is, but for the manager, which only keeps it. */
function cgroupOfHolder(owners: readonly SocketOwner[]): string | undefined {
  return owners.find(({ pid }) => pid !== MANAGER_PID)?.cgroup;
}

const isGivenAt = (path: string): boolean => path.includes(`/${JOB_CGROUP_PREFIX}`);

/** The job of the cgroup itself or, where it is none, of the nearest one above it; undefined where that is none. */
export function jobAt(path: string, { cgroups, files }: Pick<SeeDeps, 'cgroups' | 'files'>): Job | undefined {
  if (!cgroups) return undefined;
  const line = lineOf(cgroups, path);
  const made = isGivenAt(path) ? givenIn(line, cgroups) : [];
  const activates = (unit: string) => activatedBy(files, unit);
  const jobs = jobsOf({ cgroups: line, made, accounts: [], activates }).cgroups;
  return line.map(({ id }) => jobs.get(id)).find((job) => job !== undefined);
}

/** The job that a cgroup was given is in its name, before a number. */
const GIVEN = new RegExp(`/${JOB_CGROUP_PREFIX}([^/]+)-[0-9]+(?:\\.[0-9]+)?$`);

/**
 * The cgroups that were made for a job. Who cannot read marks goes by the names of those that are root's: the kernel
 * goes by the marks.
 */
function givenIn(line: readonly ControlGroup[], cgroups: JobCgroups): JobCgroup[] {
  if (cgroups.canReadMarks) return cgroups.marked();
  return line.flatMap((group) => {
    const job = GIVEN.exec(group.path)?.[1];
    const isRoots = group.uid === ROOT && containerOfCgroup(group.path) === undefined;
    return job !== undefined && isRoots ? [{ ...group, job, grantee: ROOT }] : [];
  });
}

function usersOf(accounts: readonly Account[]): Users {
  const names = new Map(accounts.toReversed().map(({ uid, name }) => [uid, name]));
  return { names, jobs: jobsOf({ cgroups: [], made: [], accounts }).users };
}

/** A cgroup and those above it, itself first. */
function lineOf(cgroups: Pick<Cgroups, 'at'>, path: string): ControlGroup[] {
  const line: ControlGroup[] = [];
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const group = cgroups.at(at);
    if (group) line.push(group);
  }
  return line;
}

/** Docker's proxy: one process for each port that is published (docker-proxy of github.com/moby/moby). */
const DOCKER_PROXY = 'docker-proxy';

/** Where docker's proxy sends what comes in, by its arguments -container-ip and -container-port. */
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
