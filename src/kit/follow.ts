// Reads a stream of lines from the daemon's status.sock until it ends.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { CALL_TIMEOUT_MS, CONTROL_LINE_MAX_CHARACTERS } from '../base/client-limits.ts';
import { PortreeveError } from '../base/errors.ts';
import { checkError, daemonBusy } from './daemon-client.ts';

interface FollowOptions {
  /** The time in which the response has to begin, in milliseconds. The default is 5000. */
  readonly timeoutMs?: number;
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lines of the response to GET `path`, as they arrive. Throws PortreeveError (environment): `DAEMON_ABSENT` (no
 * daemon is listening), `DAEMON_DENIED`, `DAEMON_SILENT`, `DAEMON_CANNOT` (it does not serve that path),
 * `DAEMON_BUSY` (too many clients follow it), `DAEMON_BAD_ANSWER`, `DAEMON_ENDED` (the connection was lost).
 */
export async function* followLines(
  socketPath: string,
  path: string,
  { timeoutMs = CALL_TIMEOUT_MS, signal }: FollowOptions = {},
): AsyncGenerator<string> {
  // Loaded here because it is slow to load and few commands need it.
  const { request } = process.getBuiltinModule('node:http');
  const exchange = request({ socketPath, path, agent: false });
  const end = () => exchange.destroy();
  signal?.addEventListener('abort', end);
  let hasBegun = false;
  try {
    const response = await answerTo(exchange, socketPath, timeoutMs);
    await requireLines(response, socketPath);
    hasBegun = true;
    yield* linesOf(response);
  } catch (thrown) {
    if (signal?.aborted) return;
    if (thrown instanceof PortreeveError || !(thrown instanceof Error)) throw thrown;
    throw hasBegun ? ended(thrown, socketPath) : checkError(thrown, socketPath);
  } finally {
    signal?.removeEventListener('abort', end);
    exchange.destroy();
  }
}

function ended(thrown: Error, socketPath: string): PortreeveError {
  const message = `the connection to ${socketPath} was lost: ${thrown.message}`;
  return new PortreeveError('DAEMON_ENDED', message, 'To check whether it is running: portreeve status');
}

function answerTo(exchange: ClientRequest, socketPath: string, timeoutMs: number) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const timer = setTimeout(() => {
    const message = `the daemon at ${socketPath} did not answer within ${timeoutMs} ms`;
    reject(new PortreeveError('DAEMON_SILENT', message));
  }, timeoutMs);
  exchange.once('response', resolve);
  exchange.on('error', reject);
  exchange.end();
  return promise.finally(() => clearTimeout(timer));
}

/** Throws for a response that is not a stream of lines. */
async function requireLines(response: IncomingMessage, socketPath: string): Promise<void> {
  const { statusCode } = response;
  if (statusCode === 200) return;
  let error = '';
  for await (const line of linesOf(response)) error ||= errorIn(line);
  if (statusCode === 503 && error !== '') throw daemonBusy(socketPath, error);
  const code =
    statusCode === 404 ? 'DAEMON_CANNOT' : statusCode === 403 ? 'DAEMON_DENIED' : 'DAEMON_BAD_ANSWER';
  const why = error === '' ? `its status is ${statusCode}` : error;
  throw new PortreeveError(code, `the daemon at ${socketPath} reported an error: ${why}`);
}

function errorIn(line: string): string {
  try {
    const { error } = JSON.parse(line);
    return typeof error === 'string' ? error : '';
  } catch {
    return '';
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue;
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > CONTROL_LINE_MAX_CHARACTERS) {
      throw new RangeError(`a line has more than ${CONTROL_LINE_MAX_CHARACTERS} characters`);
    }
    yield* lines;
  }
}
