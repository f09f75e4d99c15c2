// What `portreeve run` asks the daemon, and is answered: the shape of POST /v1/run on run.sock.

export type { Given as RunAnswer } from './run-job.ts';

/** The path on run.sock. */
export const RUN_PATH = '/v1/run';

export interface RunRequest {
  readonly job: string;
  /** The process that is to have the job: the caller's own, or that of its parent. */
  readonly pid: number;
}
