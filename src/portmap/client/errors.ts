// RpcError, the only error of an RPC call: why a call has no result.
import { errnoOf, PortreeveError } from '../../base/errors.ts';
import type { Reply } from '../wire/rpc.ts';

/**
 * Why the call failed.
 * - No answer: `TIMEOUT`, `REFUSED` (no server is listening), `UNREACHABLE` (no route, unknown name, or permission
 *   denied), `DISCONNECTED` (the connection was closed first).
 * - Canceled by the caller: `ABORTED` by its signal, `CLOSED` by close().
 * - An answer without a result: `BAD_REPLY` (it could not be decoded), else the name of RFC 5531.
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

/** Details of some of the codes. */
export interface RpcErrorDetail {
  /** The lowest supported version: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly low?: number;
  /** The highest supported version, with the same codes. */
  readonly high?: number;
  /** RFC 5531's auth_stat: with `AUTH_ERROR`. */
  readonly stat?: number;
  /** The error of the system, the codec, or the signal that caused it. */
  readonly cause?: unknown;
}

const HINTS: Partial<Record<RpcErrorCode, string>> = {
  TIMEOUT: 'It may be down, or a firewall may drop the packets; --timeout SECONDS waits longer.',
  REFUSED: 'The host is up, but the service is not running, or it listens on another port.',
  UNREACHABLE: 'Check the name or address, and the route to it.',
  BAD_REPLY: 'The server may not speak RPC.',
  PROG_UNAVAIL: 'The server may not be a port mapper.',
  AUTH_ERROR: 'The server accepts this call only from its own host, or with other credentials.',
};

/** Thrown by every call that has no result: of kind `environment` if there was no answer, else `refused`. */
export class RpcError extends PortreeveError {
  /** Why the call failed. */
  declare readonly code: RpcErrorCode;
  /** The lowest supported version: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly low: number | undefined;
  /** The highest supported version: with `PROG_MISMATCH` and `RPC_MISMATCH`. */
  readonly high: number | undefined;
  /** RFC 5531's auth_stat: with `AUTH_ERROR`. */
  readonly stat: number | undefined;

  /** The message names the failure and the server. */
  constructor(code: RpcErrorCode, message: string, detail: RpcErrorDetail = {}) {
    super(code, message, HINTS[code]);
    this.name = 'RpcError';
    if ('cause' in detail) this.cause = detail.cause;
    this.low = detail.low;
    this.high = detail.high;
    this.stat = detail.stat;
  }
}

/** The errnos that mean "no server is listening", as opposed to "no route". */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT']);

/** The RpcError for a socket error. */
export function socketError(thrown: unknown, where: string): RpcError {
  if (thrown instanceof RpcError) return thrown;
  const errno = errnoOf(thrown);
  if (errno === 'ECONNRESET' || errno === 'EPIPE') {
    return disconnectedError(where, thrown);
  }
  if (REFUSALS.has(errno))
    return new RpcError('REFUSED', `no server is listening on ${where} (${errno})`, { cause: thrown });
  return new RpcError('UNREACHABLE', `${where} is unreachable (${errno})`, { cause: thrown });
}

export function disconnectedError(where: string, cause?: unknown): RpcError {
  const detail = cause === undefined ? {} : { cause };
  return new RpcError('DISCONNECTED', `${where} closed the connection before it answered`, detail);
}

function supportedText(low: number, high: number): string {
  return low === high ? `version ${low}` : `versions ${low}-${high}`;
}

/** The error that a reply reports; undefined for success. */
export function replyError(reply: Reply, where: string): RpcError | undefined {
  switch (reply.outcome) {
    case 'success':
      return undefined;
    case 'prog-unavail':
      return new RpcError('PROG_UNAVAIL', `${where} does not serve the program`);
    case 'prog-mismatch': {
      const { low, high } = reply;
      return new RpcError('PROG_MISMATCH', `${where} serves ${supportedText(low, high)} of the program`, {
        low,
        high,
      });
    }
    case 'proc-unavail':
      return new RpcError('PROC_UNAVAIL', `${where} does not support the procedure`);
    case 'garbage-args':
      return new RpcError('GARBAGE_ARGS', `${where} could not decode the arguments`);
    case 'system-err':
      return new RpcError('SYSTEM_ERR', `${where} failed to process the call`);
    case 'rpc-mismatch': {
      const { low, high } = reply;
      return new RpcError('RPC_MISMATCH', `${where} supports ${supportedText(low, high)} of RPC`, {
        low,
        high,
      });
    }
    case 'auth-error': {
      const { stat } = reply;
      return new RpcError('AUTH_ERROR', `${where} rejected the caller (auth_stat ${stat})`, { stat });
    }
  }
}
