// Who is which job, as it is known at one moment.
import type { Job } from '../../base/job.ts';
import type { PossibleUnit } from '../../base/unit.ts';

export interface Jobs {
  readonly cgroups: ReadonlyMap<bigint, Job>;
  readonly users: ReadonlyMap<number, Job>;
  /** The units that may begin: those that the host has files of. */
  readonly units?: readonly PossibleUnit[];
}
