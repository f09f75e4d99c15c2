// The current jobs of users, units, and cgroups, read once.
import type { Clock } from '../../base/clock.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type Job, jobNamed, namesOf, parseJobName } from '../../base/job.ts';
import { jobOfUnit, pickUnit } from '../../base/unit.ts';
import type { Cgroups, Files } from '../../host/host.ts';
import type { Jobs } from '../core/jobs.ts';
import { activatedBy, hostUnits, stampOfUnits, type UnitReader } from './host-units.ts';
import { jobsOf, listUnits } from './naming.ts';
import { readUsers } from './users.ts';

/** The jobs of users, system units, and cgroups that `run` created, and the units that may be started. */
export function jobsNow(cgroups: Cgroups, files: UnitReader): Jobs {
  const { accounts } = readUsers(files);
  const activates = (unit: string) => activatedBy(files, unit);
  const named = jobsOf({ cgroups: listUnits(cgroups), made: cgroups.marked(), accounts, activates });
  return { ...named, units: hostUnits(files) };
}

/**
 * A job by its name, or by a unit such as "ssh.socket" including its other names on this host. Throws PortreeveError
 * `JOB_INVALID` (usage).
 */
export function jobCalled(text: string, files: UnitReader): Job {
  if (pickUnit(text) !== 'take') return jobNamed(parseJobName(text));
  const named = jobOfUnit(text, activatedBy(files, text));
  if ('job' in named) return named.job;
  throw new PortreeveError('JOB_INVALID', `the unit ${text} has no job: ${named.problem}`);
}

/** How long the list of running units is cached. */
const UNITS_AGE_MAX_MS = 1000;

/** The uppercase job names of this host's units: those that are running, and those that have a unit file. */
export class UnitJobs {
  readonly #cgroups: Cgroups | undefined;
  readonly #files: UnitReader & Pick<Files, 'stamp'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #jobs: ReadonlySet<string> = new Set();
  /** Those with a unit file, reread only when a file is added or removed. */
  #possible: readonly Job[] = [];
  #stamp: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  /** On a host without cgroups there are no units. */
  constructor(
    cgroups: Cgroups | undefined,
    files: UnitReader & Pick<Files, 'stamp'>,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#cgroups = cgroups;
    this.#files = files;
    this.#clock = clock;
  }

  readonly has = (name: string): boolean => {
    const now = this.#clock.monotonic();
    if (this.#cgroups && now - this.#readAt >= UNITS_AGE_MAX_MS) {
      this.#readAt = now;
      const running = jobsOf({ cgroups: listUnits(this.#cgroups), made: [], accounts: [] });
      this.#readFiles();
      this.#jobs = new Set([...running.cgroups.values(), ...this.#possible].flatMap(namesOf));
    }
    return this.#jobs.has(name);
  };

  #readFiles(): void {
    const stamp = stampOfUnits(this.#files);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#possible = hostUnits(this.#files).flatMap(({ unit, activates }) => {
      const named = jobOfUnit(unit.replace('@.', '.'), activates);
      return 'job' in named ? [named.job] : [];
    });
  }
}
