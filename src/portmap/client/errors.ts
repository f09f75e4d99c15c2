// The one error of the client: why a call has no result.
import { errnoOf, PortreeveError } from '../../base/errors.ts';
import type { Reply } from '../wire/rpc.ts';

/**
 * What became of the call.
 * - Nobody answered: `TIMEOUT`, `REFUSED` (nobody listens there), `UNREACHABLE` (no way, no such name, no permission),
 *   `DISCONNECTED` (the connection ended first).
 * - We ended it: `ABORTED` by its signal, `CLOSED` by close().
 * - It was answered, with no result: `BAD_REPLY` (not understood), and RFC 5531's own words for the rest.
 */
export type RpcErrorCode =
  | 'TIMEOUT'
  | 'REFUSED'
  | 'UNREACHABLE'
  | 'DISCONNECTED'
  | 'ABORTED'
  | 'CLOSED'
  | 'BAD_REPLY'
  | 'PROG_UNAVAIL'
  | 'PROG_MISMATCH'
  | 'PROC_UNAVAIL'
  | 'GARBAGE_ARGS'
  | 'SYSTEM_ERR'
  | 'RPC_MISMATCH'
  | 'AUTH_ERROR';

/** What belongs to some of the codes. */
export interface RpcErrorDetail {
  /** The lowest version that there is: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly low?: number;
  /** The highest version that there is, with the same codes. */
  readonly high?: number;
  /** RFC 5531's auth_stat: with `AUTH_ERROR`. */
  readonly stat?: number;
  /** The error of the system, the codec or the signal behind it. */
  readonly cause?: unknown;
}

const HINTS: Partial<Record<RpcErrorCode, string>> = {
  TIMEOUT: 'It may be down, or a firewall may drop the packets; --timeout SECONDS waits longer.',
  REFUSED: 'The host is there, but the service is not running, or it listens elsewhere.',
  UNREACHABLE: 'Check the name or address, and the way to it.',
  BAD_REPLY: 'What listens there may be no RPC service.',
  PROG_UNAVAIL: 'What listens there may be no port mapper.',
  AUTH_ERROR:
    'The server answers such a call only to other callers: on its own host, or with other credentials.',
};

/** Thrown by every call that has no result: of kind `world` where there was no answer, else `refused`. */
export class RpcError extends PortreeveError {
  /** What became of the call. */
  declare readonly code: RpcErrorCode;
  /** The lowest version that there is: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly low: number | undefined;
  /** The highest version that there is: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly high: number | undefined;
  /** RFC 5531's auth_stat: with `AUTH_ERROR`. */
  readonly stat: number | undefined;

  /** The message says what happened and who was called. */
  constructor(code: RpcErrorCode, message: string, detail: RpcErrorDetail = {}) {
    super(code, message, HINTS[code]);
    this.name = 'RpcError';
    if ('cause' in detail) this.cause = detail.cause;
    this.low = detail.low;
    this.high = detail.high;
    this.stat = detail.stat;
  }
}

/** What the system says when nobody listens, as opposed to when there is no way. */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT']);

/** What it means that a socket failed. */
export function socketError(thrown: unknown, where: string): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const errno = errnoOf(thrown);
  if (errno === 'ECONNRESET' || errno === 'EPIPE') {
    return new RpcError('DISCONNECTED', `${where} ended the connection before it answered`, {
      cause: thrown,
    });
  }
  if (REFUSALS.has(errno))
    return new RpcError('REFUSED', `nobody listens at ${where} (${errno})`, { cause: thrown });
  return new RpcError('UNREACHABLE', `${where} cannot be reached (${errno})`, { cause: thrown });
}

/** The error that a reply stands for, or undefined for success. */
export function replyError(reply: Reply, where: string): RpcError | undefined {
  switch (reply.outcome) {
    case 'success':
      return undefined;
    case 'prog-unavail':
      return new RpcError('PROG_UNAVAIL', `${where} does not have the program`);
    case 'prog-mismatch': {
      const { low, high } = reply;
      return new RpcError('PROG_MISMATCH', `${where} has versions ${low} to ${high} of the program`, {
        low,
        high,
      });
    }
    case 'proc-unavail':
      return new RpcError('PROC_UNAVAIL', `${where} does not have the procedure`);
    case 'garbage-args':
      return new RpcError('GARBAGE_ARGS', `${where} did not understand the arguments`);
    case 'system-err':
      return new RpcError('SYSTEM_ERR', `${where} failed while it worked on the call`);
    case 'rpc-mismatch': {
      const { low, high } = reply;
      return new RpcError('RPC_MISMATCH', `${where} speaks versions ${low} to ${high} of RPC`, { low, high });
    }
    case 'auth-error': {
      const { stat } = reply;
      return new RpcError('AUTH_ERROR', `${where} refused the caller (auth_stat ${stat})`, { stat });
    }
  }
}
