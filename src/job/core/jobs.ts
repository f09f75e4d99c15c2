// A table of the current jobs by cgroup and uid.
import type { Job } from '../../base/job.ts';
import type { PossibleUnit } from '../../base/unit.ts';

export interface Jobs {
  readonly cgroups: ReadonlyMap<bigint, Job>;
  readonly users: ReadonlyMap<number, Job>;
  /** The units that may be started: those with a unit file. */
  readonly units?: readonly PossibleUnit[];
}
