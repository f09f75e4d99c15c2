// The users of this host for commands: of its files, and of what its user database has answered.

import { requireFailure } from '../../base/errors.ts';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import type { Io } from '../../kit/io.ts';
import { askUsers, DraftUserArchive, type HostUsers } from '../app/host-users.ts';
import { UnitJobs } from '../app/jobs.ts';
import { SqliteUserArchive } from '../linux/user-archive.ts';
import { LinuxUserDatabase } from '../linux/user-database.ts';
import { hostFiles } from './host-files.ts';

/** The users of this host, and how others are asked for. */
export class CommandUsers {
  readonly files: HostUsers;
  readonly #archive: SqliteUserArchive | DraftUserArchive;
  readonly #units = new UnitJobs(cgroupsIfAny(), linuxFiles, systemClock);

  /** With the state directory; `isDraft`: what is asked is not written down. */
  constructor(state: string, isDraft = false) {
    const archive = new SqliteUserArchive(state);
    this.#archive = isDraft ? new DraftUserArchive(archive) : archive;
    this.files = hostFiles(state, this.#archive);
  }

  /** Whether a unit has that job. */
  isUnit(name: string): boolean {
    return this.#units.has(name);
  }

  /** Asks who the names in some rules are. Where there is no answer that is told, and what is known counts. */
  async ask({ names, ids }: { readonly names: readonly string[]; readonly ids: readonly string[] }, io: Io) {
    const database = new LinuxUserDatabase();
    const deps = { database, archive: this.#archive, clock: systemClock, files: linuxFiles };
    try {
      await askUsers({ ...deps, isUnit: this.#units.has }, { names, ids, uids: [], isRefresh: true });
    } catch (thrown) {
      const { message, hint } = requireFailure(thrown);
      io.err(`portreeve: warning: ${message}\n${hint}\n`);
    }
  }
}
