// The sockets of a host with all that tells whose they are: processes, users, units, containers, jobs.
import { parseIp } from '../../base/address.ts';
import { JOB_CGROUP_PREFIX, type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import { isPort, PORT_MAX, parseDecimal } from '../../base/port.ts';
import type {
  Cgroups,
  ControlGroup,
  OpenSocket,
  OpenSocketQuery,
  OpenSockets,
  SocketEnd,
  SocketOwner,
} from '../../host/host.ts';
import type { Seen, SeenSocket } from '../../services/doctor/seen.ts';
import { activatedBy, type UnitReader } from '../../services/guard/host-units.ts';
import { jobsOf } from '../../services/guard/jobs.ts';
import type { Account } from '../../text/passwd.ts';
import { readUsers } from '../profile/users.ts';
import { containerOfCgroup, unitOfCgroup } from './places.ts';

export type { Seen, SeenSocket } from '../../services/doctor/seen.ts';

/** What is looked with. */
export interface SeeDoors {
  readonly sockets: OpenSockets;
  readonly files: UnitReader;
  /** Undefined on a host without cgroups of version 2. */
  readonly cgroups: Pick<Cgroups, 'at' | 'marked'> | undefined;
}

/**
 * The sockets that fit the query, and of these those that are wanted, each with those who hold it. Throws what
 * OpenSockets.list() throws.
 */
export function seeSockets(
  doors: SeeDoors,
  query: OpenSocketQuery = {},
  isWanted: (socket: OpenSocket) => boolean = () => true,
): Seen {
  const sockets = doors.sockets.list(query).filter(isWanted);
  const inodes = new Set<number>();
  for (const { inode } of sockets) if (inode !== 0) inodes.add(inode);
  const { owners, notSeen } = inodes.size > 0 ? doors.sockets.owners(inodes) : NOBODY;
  const places = new Places(doors);
  const seen = sockets.map((socket) => seenSocket(socket, owners.get(socket.inode) ?? NO_OWNERS, places));
  return { sockets: seen, notSeen };
}

const NO_OWNERS: readonly SocketOwner[] = [];
const NOBODY = { owners: new Map<number, readonly SocketOwner[]>(), notSeen: 0 } as const;

function seenSocket(socket: OpenSocket, owners: readonly SocketOwner[], places: Places): SeenSocket {
  const { user, unit, container, job, aliases } = places.of(socket.cgroupId, socket.uid);
  const forwardsTo = owners.length > 0 ? forwardOf(owners) : undefined;
  return { socket, owners, user, unit, container, forwardsTo, job, aliases };
}

/** What is known of the sockets of one cgroup and user. */
type Place = Pick<SeenSocket, 'user' | 'unit' | 'container' | 'job'> & {
  readonly aliases: readonly string[];
};

/** Cgroups and users, each looked up once. */
class Places {
  readonly #doors: SeeDoors;
  readonly #cgroups = new Map<bigint, string | undefined>();
  readonly #known = new Map<string, Place>();
  #users: Users | undefined;
  /** What was asked for last: neighbours are mostly alike. */
  #last:
    | { readonly cgroupId: bigint | undefined; readonly uid: number | undefined; readonly place: Place }
    | undefined;

  constructor(doors: SeeDoors) {
    this.#doors = doors;
  }

  of(cgroupId: bigint | undefined, uid: number | undefined): Place {
    const last = this.#last;
    if (last && last.uid === uid && last.cgroupId === cgroupId) return last.place;
    const key = `${cgroupId} ${uid}`;
    const place = this.#known.get(key) ?? this.#look(cgroupId, uid);
    this.#known.set(key, place);
    this.#last = { cgroupId, uid, place };
    return place;
  }

  #look(cgroupId: bigint | undefined, uid: number | undefined): Place {
    const path = this.#pathOf(cgroupId);
    this.#users ??= usersOf(readUsers(this.#doors.files).accounts);
    const { names, jobs } = this.#users;
    const jobOfUser = uid === undefined ? undefined : jobs.get(uid);
    const ofCgroup = path === undefined ? undefined : jobAt(path, this.#doors);
    const { name: job, aliases } = ofCgroup ?? jobOfUser ?? jobNamed(UNKNOWN_JOB);
    return {
      user: uid === undefined ? undefined : names.get(uid),
      unit: path === undefined ? undefined : unitOfCgroup(path),
      container: path === undefined ? undefined : containerOfCgroup(path),
      job,
      aliases,
    };
  }

  #pathOf(id: bigint | undefined): string | undefined {
    if (id === undefined) return undefined;
    if (!this.#cgroups.has(id)) this.#cgroups.set(id, this.#doors.sockets.cgroupPath(id));
    return this.#cgroups.get(id);
  }
}

/** The names of users, and the jobs that these stand for, by uid. */
interface Users {
  readonly names: ReadonlyMap<number, string>;
  readonly jobs: ReadonlyMap<number, Job>;
}

/** The job of the cgroup itself or, where it is none, of the nearest one above it; undefined where that is none. */
export function jobAt(
  path: string,
  { cgroups, files }: Pick<SeeDoors, 'cgroups' | 'files'>,
): Job | undefined {
  if (!cgroups) return undefined;
  const made = path.includes(`/${JOB_CGROUP_PREFIX}`) ? cgroups.marked() : [];
  const line = lineOf(cgroups, path);
  const activates = (unit: string) => activatedBy(files, unit);
  const jobs = jobsOf({ cgroups: line, made, accounts: [], activates }).cgroups;
  return line.map(({ id }) => jobs.get(id)).find((job) => job !== undefined);
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
