// Asks the running daemon over its sockets: HTTP and JSON on a Unix socket.

import { BUSY_RETRIES_MS, CALL_TIMEOUT_MS, CONTROL_ANSWER_MAX_BYTES } from '../base/client-limits.ts';
import { isErrorCode } from '../base/error-catalog.ts';
import { errnoOf, PortreeveError } from '../base/errors.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts';

/** How the daemon is asked. */
export interface StatusOptions {
  /** What the daemon has to answer, in milliseconds; 5000. */
  readonly timeoutMs?: number;
  /** The largest answer that is taken, in bytes; 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * The daemon's answer to GET `path`, which is taken to be a T. Throws PortreeveError (environment): `DAEMON_ABSENT`
 * (nobody is behind that socket), `DAEMON_BUSY` (it has too many connections), `DAEMON_DENIED`, `DAEMON_SILENT`,
 * `DAEMON_ENDED` (it closed the connection), `DAEMON_CANNOT` (it says why not), `DAEMON_BAD_ANSWER`.
 */
export async function readStatus<T>(
  socketPath: string,
  path: string,
  options: StatusOptions = {},
): Promise<T> {
  const { status, text } = await ask(socketPath, { method: 'GET', path, body: '' }, options);
  if (status === 200) return parse(text, socketPath);
  const { error, code } =
    parse<{ readonly error?: unknown; readonly code?: unknown }>(text, socketPath) ?? {};
  if (typeof error !== 'string') throw badAnswer(socketPath, `its status is ${status}`);
  if (code === BUSY) throw daemonBusy(socketPath, error);
  const message = `the daemon behind ${socketPath} does not tell: ${error}`;
  throw new PortreeveError('DAEMON_CANNOT', message);
}

/**
 * The daemon's answer to POST `path` with `body`, which is taken to be a T. Throws PortreeveError: those of
 * readStatus(), and what the daemon answers in the place of a T.
 */
export async function postTo<T>(
  socketPath: string,
  path: string,
  body: object,
  options: StatusOptions = {},
): Promise<T> {
  const { status, text } = await ask(
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

/** The daemon has no place for the connection, and has read nothing of the request. */
const BUSY = 'DAEMON_BUSY';

function parse<T>(text: string, socketPath: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer(socketPath, 'it is not JSON');
  }
}

/** Asks, and again where the daemon had no place and what it is asked for cannot have been done. */
async function ask(socketPath: string, request: HttpRequest, options: StatusOptions): Promise<HttpAnswer> {
  for (const delayMs of BUSY_RETRIES_MS) {
    try {
      const answer = await askOnce(socketPath, request, options);
      if (!isRefusal(answer)) return answer;
    } catch (thrown) {
      const code = thrown instanceof PortreeveError ? thrown.code : '';
      const isUndone = code === BUSY || (code === 'DAEMON_ENDED' && request.method === 'GET');
      if (!isUndone) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return askOnce(socketPath, request, options);
}

function isRefusal({ status, text }: HttpAnswer): boolean {
  return status === 503 && text.includes(`"${BUSY}"`);
}

async function askOnce(
  socketPath: string,
  request: HttpRequest,
  { timeoutMs = CALL_TIMEOUT_MS, maxBytes = CONTROL_ANSWER_MAX_BYTES }: StatusOptions,
): Promise<HttpAnswer> {
  const { answer, close } = exchange(socketPath, request, maxBytes);
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `the daemon behind ${socketPath} did not answer within ${timeoutMs} ms`;
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
  return new PortreeveError('DAEMON_BAD_ANSWER', `the answer of ${socketPath} is not understood: ${why}`);
}

/** `why`: what the daemon says. */
export function daemonBusy(socketPath: string, why: string): PortreeveError {
  const message = `the daemon behind ${socketPath} does not answer: ${why}`;
  return new PortreeveError(BUSY, message, 'Close some of them, or try again.');
}

/** What it means that the socket of the daemon failed. */
export function checkError(thrown: Error, socketPath: string): PortreeveError {
  const errno = errnoOf(thrown);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new PortreeveError('DAEMON_ABSENT', `nobody is behind ${socketPath} (${errno})`);
    case 'EACCES':
    case 'EPERM':
      return new PortreeveError('DAEMON_DENIED', `${socketPath} may not be asked (${errno})`);
    case 'EAGAIN':
      return daemonBusy(socketPath, 'too many connections wait for it');
    case 'ECONNRESET':
    case 'EPIPE': {
      const message = `the daemon behind ${socketPath} ended the connection before it answered (${errno})`;
      const hint = 'It may have too many connections, or have just ended. Try again.';
      return new PortreeveError('DAEMON_ENDED', message, hint);
    }
    default:
      return badAnswer(socketPath, thrown.message);
  }
}
