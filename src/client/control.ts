// Asks the running daemon over its sockets: HTTP and JSON on a Unix socket.
import { type ErrorKind, EXIT_CODES, PortreeveError } from '../base/errors.ts';
import { errnoOf } from './errors.ts';
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts';
import { CALL_TIMEOUT_MS, CONTROL_ANSWER_MAX_BYTES } from './limits.ts';

/** How the daemon is asked. */
export interface LookOptions {
  /** What the daemon has to answer, in milliseconds; 5000. */
  readonly timeoutMs?: number;
  /** The largest answer that is taken, in bytes; 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * The daemon's answer to GET `path`, which is taken to be a T. Throws PortreeveError (world): `DAEMON_ABSENT` (nobody
 * is behind that socket), `DAEMON_DENIED`, `DAEMON_SILENT`, `DAEMON_CANNOT` (it says why not), `DAEMON_BAD_ANSWER`.
 */
export async function lookAt<T>(socketPath: string, path: string, options: LookOptions = {}): Promise<T> {
  const { status, text } = await ask(socketPath, { method: 'GET', path, body: '' }, options);
  if (status === 200) return parse(text, socketPath);
  const { error } = parse<{ readonly error?: unknown }>(text, socketPath) ?? {};
  if (typeof error !== 'string') throw badAnswer(socketPath, `its status is ${status}`);
  const message = `the daemon behind ${socketPath} does not tell: ${error}`;
  throw new PortreeveError('world', 'DAEMON_CANNOT', message);
}

/**
 * The daemon's answer to POST `path` with `body`, which is taken to be a T. Throws PortreeveError: those of lookAt(),
 * and what the daemon answers in the place of a T.
 */
export async function command<T>(
  socketPath: string,
  path: string,
  body: object,
  options: LookOptions = {},
): Promise<T> {
  const { status, text } = await ask(
    socketPath,
    { method: 'POST', path, body: JSON.stringify(body) },
    options,
  );
  if (status === 200) return parse(text, socketPath);
  const { kind, code, error, hint } = parse<Partial<Record<string, unknown>>>(text, socketPath) ?? {};
  if (![kind, code, error, hint].every((field) => typeof field === 'string') || !isKind(kind)) {
    throw badAnswer(socketPath, `its status is ${status}`);
  }
  throw new PortreeveError(kind, `${code}`, `${error}`, `${hint}`);
}

const isKind = (kind: unknown): kind is ErrorKind => Object.keys(EXIT_CODES).some((each) => each === kind);

function parse<T>(text: string, socketPath: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw badAnswer(socketPath, 'it is not JSON');
  }
}

async function ask(
  socketPath: string,
  request: HttpRequest,
  { timeoutMs = CALL_TIMEOUT_MS, maxBytes = CONTROL_ANSWER_MAX_BYTES }: LookOptions,
): Promise<HttpAnswer> {
  const { answer, close } = exchange(socketPath, request, maxBytes);
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `the daemon behind ${socketPath} did not answer within ${timeoutMs} ms`;
    reject(new PortreeveError('world', 'DAEMON_SILENT', message));
  }, timeoutMs);
  try {
    return await Promise.race([answer, silence]);
  } catch (thrown) {
    if (thrown instanceof PortreeveError || !(thrown instanceof Error)) throw thrown;
    throw lookError(thrown, socketPath);
  } finally {
    clearTimeout(timer);
    close();
  }
}

function badAnswer(socketPath: string, why: string): PortreeveError {
  return new PortreeveError(
    'world',
    'DAEMON_BAD_ANSWER',
    `the answer of ${socketPath} is not understood: ${why}`,
  );
}

/** What it means that the socket of the daemon failed. */
export function lookError(thrown: Error, socketPath: string): PortreeveError {
  const errno = errnoOf(thrown);
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new PortreeveError('world', 'DAEMON_ABSENT', `nobody is behind ${socketPath} (${errno})`);
    case 'EACCES':
    case 'EPERM':
      return new PortreeveError('world', 'DAEMON_DENIED', `${socketPath} may not be asked (${errno})`);
    default:
      return badAnswer(socketPath, thrown.message);
  }
}
