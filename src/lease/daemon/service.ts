// The lease as a service of the daemon: gives jobs to those who may take them.
import type { DaemonService } from '../../kit/daemon-service.ts';
import type { Log } from '../../kit/log.ts';
import type { Metric } from '../../kit/metrics.ts';
import { RUN_PATH } from '../app/run.ts';
import { type Caller, giveJob, type RunDeps } from '../app/run-job.ts';

interface LeaseServiceDeps {
  readonly log: Pick<Log, 'info'>;
  /** What jobs are given with. Throws PortreeveError `JOBS_UNAVAILABLE` (environment) where no job can be given. */
  readonly giving: () => RunDeps;
}

export class LeaseService implements DaemonService {
  readonly name = 'lease';
  readonly routes;
  /** Jobs that were given. */
  #given = 0;

  constructor({ log, giving }: LeaseServiceDeps) {
    this.routes = {
      commands: {
        [RUN_PATH]: (request: unknown, caller: Caller) => {
          const given = giveJob(request, caller, giving());
          this.#given++;
          log.info(`lease: uid ${caller.uid} takes the job ${given.job}`, given);
          return given;
        },
      },
    };
  }

  /** Nothing of it is open while nobody asks. */
  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  /** Who may take which job it is told with each request. */
  check(): void {}
  async reload(): Promise<void> {}

  async status() {
    return { given: this.#given };
  }

  async metrics(): Promise<readonly Metric[]> {
    return [
      {
        name: 'portreeve_lease_jobs_total',
        type: 'counter',
        help: 'Jobs that were given to processes since the daemon was started.',
        samples: [{ value: this.#given }],
      },
    ];
  }
}
