// The client of the daemon's sockets: HTTP and JSON over a Unix socket, with retries while the daemon is busy.

import { BUSY_RETRIES_MS, CALL_TIMEOUT_MS, CONTROL_ANSWER_MAX_BYTES } from '../base/client-limits.ts';
import { isErrorCode } from '../base/error-catalog.ts';
import { errnoOf, PortreeveError } from '../base/errors.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts';

/** Limits of a request to the daemon. */
export interface StatusOptions {
  /** The time in which the daemon has to answer, in milliseconds. The default is 5000. */
  readonly timeoutMs?: number;
  /** The largest response that is accepted, in bytes. The default is 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * The daemon's response to GET `path`, which is assumed to be a T. Throws PortreeveError (environment):
 * `DAEMON_ABSENT` (no daemon is listening), `DAEMON_BUSY` (too many connections), `DAEMON_DENIED`, `DAEMON_SILENT`,
 * `DAEMON_ENDED` (it closed the connection), `DAEMON_CANNOT` (it reported an error), `DAEMON_BAD_ANSWER`.
 */
export async function readStatus<T>(
  socketPath: string,
  path: string,
  options: StatusOptions = {},
): Promise<T> {
  const { status, text } = await send(socketPath, { method: 'GET', path, body: '' }, options);
  if (status === 200) return parse(text, socketPath);
  const { error, code } =
    parse<{ readonly error?: unknown; readonly code?: unknown }>(text, socketPath) ?? {};
  if (typeof error !== 'string') throw badAnswer(socketPath, `its status is ${status}`);
  if (code === BUSY) throw daemonBusy(socketPath, error);
  const message = `the daemon at ${socketPath} reported an error: ${error}`;
  throw new PortreeveError('DAEMON_CANNOT', message);
}

/**
 * The daemon's response to POST `path` with `body`, which is assumed to be a T. Throws PortreeveError: those of
 * readStatus(), and any that the daemon returns.
 */
export async function postTo<T>(
  socketPath: string,
  path: string,
  body: object,
  options: StatusOptions = {},
): Promise<T> {
  const { status, text } = await send(
    socketPath,
    { method: 'POST', path, body: JSON.stringify(body) },
    options,
  );
  if (status === 200) return parse(text, socketPath);
  const { code, error, hint } = parse<Partial<Record<string, unknown>>>(text, socketPath) ?? {};
  if (!isErrorCode(code) || typeof error !== 'string' || typeof hint !== 'string') {
    throw badAnswer(socketPath, `its status is ${status}`);
  }
  throw new PortreeveError(code, error, hint);
}

/** The daemon accepts no further connection, and has read nothing of the request. */
const BUSY = 'DAEMON_BUSY';

function parse<T>(text: string, socketPath: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer(socketPath, 'it is not JSON');
  }
}

/** Sends the request, and retries while the daemon is busy and cannot have started to process it. */
async function send(socketPath: string, request: HttpRequest, options: StatusOptions): Promise<HttpAnswer> {
  for (const delayMs of BUSY_RETRIES_MS) {
    try {
      const answer = await sendOnce(socketPath, request, options);
      if (!isRefusal(answer)) return answer;
    } catch (thrown) {
      const code = thrown instanceof PortreeveError ? thrown.code : '';
      const isRetryable = code === BUSY || (code === 'DAEMON_ENDED' && request.method === 'GET');
      if (!isRetryable) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return sendOnce(socketPath, request, options);
}

function isRefusal({ status, text }: HttpAnswer): boolean {
  return status === 503 && text.includes(`"${BUSY}"`);
}

async function sendOnce(
  socketPath: string,
  request: HttpRequest,
  { timeoutMs = CALL_TIMEOUT_MS, maxBytes = CONTROL_ANSWER_MAX_BYTES }: StatusOptions,
): Promise<HttpAnswer> {
  const { answer, close } = exchange(socketPath, request, maxBytes);
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `the daemon at ${socketPath} did not answer within ${timeoutMs} ms`;
    reject(new PortreeveError('DAEMON_SILENT', message));
  }, timeoutMs);
  try {
    return await Promise.race([answer, silence]);
  } catch (thrown) {
    if (thrown instanceof PortreeveError || !(thrown instanceof Error)) throw thrown;
    throw checkError(thrown, socketPath);
  } finally {
    clearTimeout(timer);
    close();
  }
}

function badAnswer(socketPath: string, why: string): PortreeveError {
  return new PortreeveError('DAEMON_BAD_ANSWER', `invalid response from ${socketPath}: ${why}`);
}

/** `why`: the reason that the daemon reported. */
export function daemonBusy(socketPath: string, why: string): PortreeveError {
  const message = `the daemon at ${socketPath} is busy: ${why}`;
  return new PortreeveError(BUSY, message, 'Close some of them, or try again.');
}

/** The PortreeveError for an error of the daemon's socket. */
export function checkError(thrown: Error, socketPath: string): PortreeveError {
  const errno = errnoOf(thrown);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new PortreeveError('DAEMON_ABSENT', `no daemon is listening on ${socketPath} (${errno})`);
    case 'EACCES':
    case 'EPERM':
      return new PortreeveError('DAEMON_DENIED', `permission denied: ${socketPath} (${errno})`);
    case 'EAGAIN':
      return daemonBusy(socketPath, 'its queue of connections is full');
    case 'ECONNRESET':
    case 'EPIPE': {
      const message = `the daemon at ${socketPath} closed the connection before it answered (${errno})`;
      const hint = 'It may have too many connections, or may have just stopped. Try again.';
      return new PortreeveError('DAEMON_ENDED', message, hint);
    }
    default:
      return badAnswer(socketPath, thrown.message);
  }
}
