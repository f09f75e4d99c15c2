// What `portreeve run` and the daemon say to each other: the shape of POST /v1/run on run.sock.

export type { Given as RunAnswer } from './run-job.ts';

/** The daemon's socket on which everybody may ask for a job for himself, in the runtime directory. */
export const RUN_SOCKET = 'run.sock';

/** Where it is asked for there. */
export const RUN_PATH = '/v1/run';

/** What is asked for. */
export interface RunRequest {
  readonly job: string;
  /** The process that is to have the job: the caller's own, or that of its parent. */
  readonly pid: number;
}
