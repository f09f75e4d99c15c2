// What `portreeve run` asks the daemon, and is answered: the shape of POST /v1/run on user.sock.

export type { Given as RunAnswer } from './run-job.ts';

/** The path on user.sock. */
export const RUN_PATH = '/v1/run';

export interface RunRequest {
  readonly job: string;
  /** The process that is to have the job: the caller's own, or that of its parent. */
  readonly pid: number;
}
