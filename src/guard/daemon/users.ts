// The users of the host for the guard in the daemon: those of its files, and those that its user database answers with.

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

/** What portreeve.toml says of names. */
interface UserSettings extends NameContext {
  /** The sections [job.NAME]. */
  readonly jobs: JobSections;
}

/** What it takes. */
interface GuardUsersDeps {
  readonly host: Pick<Host, 'clock' | 'files'>;
  /** The state directory. */
  readonly state: string;
  readonly cgroups: Cgroups;
  readonly settings: () => UserSettings;
  /** Who is which job. */
  readonly jobs: () => Jobs;
  readonly warn: (message: string) => void;
}

/** Who is a user here, and which names in the rules are nobody's. */
export class GuardUsers {
  /** The files of the host, with what its user database has answered. */
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

  /** A user without a job was refused. */
  see(uid: number): void {
    this.#follower.see(uid);
  }

  /** To be called every tick, with the revision in force; undefined without a guard. */
  tick(revision: number | undefined): void {
    if (revision !== this.#revision) this.renewSoon();
    this.#revision = revision;
    this.#follower.tick();
  }

  /** The settings may name others now. */
  renewSoon(): void {
    this.#follower.renewSoon();
  }

  /** Asks nobody any more, and waits for no answer. */
  close(): void {
    this.#follower.close();
    this.#database.close();
  }

  /** The names in the rules that are no unit's, no user's and no other job's here. */
  get unknown(): readonly string[] {
    const { settings, jobs } = this.#deps;
    const running = new Set<string>([...jobs().cgroups.values()].flatMap(namesOfJob));
    const sections = settings().jobs;
    const isJob = (name: string) =>
      running.has(name) || this.#units.has(name) || Object.hasOwn(sections, name);
    return unknownIn(this.#follower.jobs, this.#users, isJob).map(({ name }) => name);
  }

  /** What does not work. */
  get faults(): readonly string[] {
    return [this.#users.fault, this.#follower.fault].filter((fault) => fault !== undefined);
  }
}

/** The names among names and numbers, in capitals. */
function namesOf(whom: readonly (string | number)[] | undefined): string[] {
  return (whom ?? []).flatMap((each) => (typeof each === 'string' ? each.toUpperCase() : []));
}
