// Reads a stream of lines from the running daemon's status.sock, as long as it goes on.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { CALL_TIMEOUT_MS, CONTROL_LINE_MAX_CHARACTERS } from '../base/client-limits.ts';
import { PortreeveError } from '../base/errors.ts';
import { checkError, daemonBusy } from './daemon-client.ts';

/** How a stream is read. */
interface FollowOptions {
  /** What the daemon has to begin with its answer, in milliseconds; 5000. */
  readonly timeoutMs?: number;
  /** Ends it without an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lines of the daemon's answer to GET `path`, as they come. Throws PortreeveError (environment): `DAEMON_ABSENT`
 * (nobody is behind that socket), `DAEMON_DENIED`, `DAEMON_SILENT`, `DAEMON_CANNOT` (it has nothing under that path),
 * and `DAEMON_BUSY` (it shows them to too many already), `DAEMON_BAD_ANSWER`, `DAEMON_ENDED` (it broke off).
 */
export async function* followLines(
  socketPath: string,
  path: string,
  { timeoutMs = CALL_TIMEOUT_MS, signal }: FollowOptions = {},
): AsyncGenerator<string> {
  // It takes long to load, and few commands follow anything.
  const { request } = process.getBuiltinModule('node:http');
  const asking = request({ socketPath, path, agent: false });
  const end = () => asking.destroy();
  signal?.addEventListener('abort', end);
  let hasBegun = false;
  try {
    const response = await answerTo(asking, socketPath, timeoutMs);
    await requireLines(response, socketPath);
    hasBegun = true;
    yield* linesOf(response);
  } catch (thrown) {
    if (signal?.aborted) return;
    if (thrown instanceof PortreeveError || !(thrown instanceof Error)) throw thrown;
    throw hasBegun ? ended(thrown, socketPath) : checkError(thrown, socketPath);
  } finally {
    signal?.removeEventListener('abort', end);
    asking.destroy();
  }
}

function ended(thrown: Error, socketPath: string): PortreeveError {
  const message = `the answer of ${socketPath} broke off: ${thrown.message}`;
  return new PortreeveError('DAEMON_ENDED', message, 'Look whether the daemon runs: portreeve status');
}

function answerTo(asking: ClientRequest, socketPath: string, timeoutMs: number) {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const timer = setTimeout(() => {
    const message = `the daemon behind ${socketPath} did not answer within ${timeoutMs} ms`;
    reject(new PortreeveError('DAEMON_SILENT', message));
  }, timeoutMs);
  asking.once('response', resolve);
  asking.on('error', reject);
  asking.end();
  return promise.finally(() => clearTimeout(timer));
}

/** Anything but lines is said to be none. */
async function requireLines(response: IncomingMessage, socketPath: string): Promise<void> {
  const { statusCode } = response;
  if (statusCode === 200) return;
  let said = '';
  for await (const line of linesOf(response)) said ||= errorIn(line);
  if (statusCode === 503 && said !== '') throw daemonBusy(socketPath, said);
  const code =
    statusCode === 404 ? 'DAEMON_CANNOT' : statusCode === 403 ? 'DAEMON_DENIED' : 'DAEMON_BAD_ANSWER';
  const why = said === '' ? `its status is ${statusCode}` : said;
  throw new PortreeveError(code, `the daemon behind ${socketPath} does not tell: ${why}`);
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
