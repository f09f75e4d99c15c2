// The daemon service of leases: grants jobs to processes that may take them.
import type { DaemonService } from '../../kit/daemon-service.ts';
import type { Log } from '../../kit/log.ts';
import type { Metric } from '../../kit/metrics.ts';
import { RUN_PATH } from '../app/run.ts';
import { type Caller, grantJob, type RunDeps } from '../app/run-job.ts';

interface LeaseServiceDeps {
  readonly log: Pick<Log, 'info'>;
  /** Throws PortreeveError `JOBS_UNAVAILABLE` (environment) if no job can be granted. */
  readonly runDeps: () => RunDeps;
}

export class LeaseService implements DaemonService {
  readonly name = 'lease';
  readonly routes;
  #granted = 0;

  constructor({ log, runDeps }: LeaseServiceDeps) {
    this.routes = {
      commands: {
        [RUN_PATH]: (request: unknown, caller: Caller) => {
          const granted = grantJob(request, caller, runDeps());
          this.#granted++;
          log.info(`lease: uid ${caller.uid} takes the job ${granted.job}`, granted);
          return granted;
        },
      },
    };
  }

  // It keeps nothing open, and receives its settings with each request.
  async start(): Promise<void> {}
  async stop(): Promise<void> {}

  check(): void {}
  async reload(): Promise<void> {}

  async status() {
    return { granted: this.#granted };
  }

  async metrics(): Promise<readonly Metric[]> {
    return [
      {
        name: 'portreeve_lease_jobs_total',
        type: 'counter',
        help: 'Jobs granted to processes since the daemon started.',
        samples: [{ value: this.#granted }],
      },
    ];
  }
}
