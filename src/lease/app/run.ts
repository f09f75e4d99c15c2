// The request and response of `portreeve run`: POST /v1/run on user.sock.

export type { Grant as RunAnswer } from './run-job.ts';

/** The path on user.sock. */
export const RUN_PATH = '/v1/run';

export interface RunRequest {
  readonly job: string;
  /** The process that gets the job: the caller or its parent. */
  readonly pid: number;
}
