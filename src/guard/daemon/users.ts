// The users of the host, for the guard in the daemon: those in files, and those in the user database.

import { namesOf as namesOfJob } from '../../base/job.ts';
import type { Cgroups, Files, Host } from '../../host/host.ts';
import { HostUsers } from '../../job/app/host-users.ts';
import { UnitJobs } from '../../job/app/jobs.ts';
import type { JobSections } from '../../job/app/settings.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import { type SpelledNames, UserFollower } from '../../job/daemon/user-follower.ts';
import { SqliteUserArchive } from '../../job/linux/user-archive.ts';
import { LinuxUserDatabase } from '../../job/linux/user-database.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import type { LiteralName, NameContext } from '../../profile/core/literal-names.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { namesIn, unknownIn } from '../app/unknown-names.ts';

/** The settings in portreeve.toml that contain names. */
interface UserSettings extends NameContext {
  /** The sections [job.NAME]. */
  readonly jobs: JobSections;
}

interface GuardUsersDeps {
  readonly host: Pick<Host, 'clock' | 'files'>;
  /** The state directory. */
  readonly state: string;
  readonly cgroups: Cgroups;
  readonly settings: () => UserSettings;
  /** The current jobs. */
  readonly jobs: () => Jobs;
  readonly warn: (message: string) => void;
}

/** Follows the users of the host, and finds names in the rules that do not exist. */
export class GuardUsers {
  /** The files of the host, with the answers of its user database. */
  readonly files: Pick<Files, 'readText' | 'stamp' | 'names'>;
  readonly #deps: GuardUsersDeps;
  readonly #users: HostUsers;
  readonly #units: UnitJobs;
  readonly #follower: UserFollower<LiteralName>;
  readonly #database = new LinuxUserDatabase();
  #revision: number | undefined;

  constructor(deps: GuardUsersDeps) {
    const { host, state, cgroups, warn } = deps;
    const { clock, files } = host;
    this.#deps = deps;
    this.#units = new UnitJobs(cgroups, files, clock);
    const archive = new SqliteUserArchive(state);
    const isUnit = this.#units.has;
    this.#users = new HostUsers({ files, archive, isUnit });
    this.files = this.#users;
    this.#follower = new UserFollower({
      ...{ database: this.#database, archive, clock, files, isUnit, cgroups, warn },
      spelled: () => this.#spelled(),
      isNamed: (uid) => deps.jobs().users.has(uid),
    });
  }

  /** The names in the rules and the settings. */
  #spelled(): SpelledNames<LiteralName> {
    const { settings, state } = this.#deps;
    const now = settings();
    const { jobs, ids } = namesIn(profileInForce(new SqliteProfileArchive(state)), now);
    const sections = Object.values(now.jobs);
    const users = sections.flatMap((section) => namesOf(section.users));
    const groups = sections.flatMap((section) => namesOf(section.groups));
    return { jobs, users, ids: [...ids, ...groups] };
  }

  /** Call when a user without a job was refused. */
  observe(uid: number): void {
    this.#follower.observe(uid);
  }

  /** Call at every tick, with the revision in force; undefined without a guard. */
  tick(revision: number | undefined): void {
    if (revision !== this.#revision) this.renewSoon();
    this.#revision = revision;
    this.#follower.tick();
  }

  /** Call when the settings may contain other names. */
  renewSoon(): void {
    this.#follower.renewSoon();
  }

  /** Stops all queries, and waits for no answer. */
  close(): void {
    this.#follower.close();
    this.#database.close();
  }

  /** The names in the rules that belong to no unit, user or job of this host. */
  get unknown(): readonly string[] {
    const { settings, jobs } = this.#deps;
    const running = new Set<string>([...jobs().cgroups.values()].flatMap(namesOfJob));
    const sections = settings().jobs;
    const isJob = (name: string) =>
      running.has(name) || this.#units.has(name) || Object.hasOwn(sections, name);
    return unknownIn(this.#follower.jobs, this.#users, isJob).map(({ name }) => name);
  }

  get faults(): readonly string[] {
    return [this.#users.fault, this.#follower.fault].filter((fault) => fault !== undefined);
  }
}

/** The names among names and numbers, in uppercase. */
function namesOf(users: readonly (string | number)[] | undefined): string[] {
  return (users ?? []).flatMap((each) => (typeof each === 'string' ? each.toUpperCase() : []));
}
