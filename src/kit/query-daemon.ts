// Finds the socket of the running daemon and queries it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError, requireFailure } from '../base/errors.ts';
import { whyUntrusted } from '../host/linux/trusted-directory.ts';
import { readStatus } from './daemon-client.ts';
import { type DaemonHead, ROOT_STATUS_SOCKET, STATUS_SOCKET } from './daemon-names.ts';
import { usualDirectories } from './directories.ts';
import type { Io } from './io.ts';

/** The codes that mean that no daemon is running. Any other code comes from a running one: do not start a second. */
const ABSENT: ReadonlySet<string> = new Set(['DAEMON_ABSENT', 'RUNTIME_DIRECTORY']);

/** The status socket that this user connects to in a runtime directory. */
export function statusSocketIn(directory: string, uid: number): string {
  const rootSocket = join(directory, ROOT_STATUS_SOCKET);
  return uid === 0 && existsSync(rootSocket) ? rootSocket : join(directory, STATUS_SOCKET);
}

/** The status of the daemon, including the services that the caller reads. See queryStatus(). */
export function queryDaemon<Parts extends object>(
  io: Io,
  runtime: string | undefined,
): Promise<DaemonHead & Parts> {
  return queryStatus(io, runtime, '/v1/status');
}

/**
 * Sends GET `path` to the daemon of `runtime`; where that is undefined, of the user's directory, then the system's.
 * Throws PortreeveError (environment) that lists what was tried: `DAEMON_ABSENT`, or the code of a running daemon.
 */
export async function queryStatus<T>(io: Io, runtime: string | undefined, path: string): Promise<T> {
  const usual = new Set(usualDirectories(io).map((each) => each.runtime));
  const directories = runtime === undefined ? usual : [runtime];
  const failures: PortreeveError[] = [];
  for (const directory of directories) {
    try {
      if (runtime === undefined) requireTrusted(directory, io.uid);
      return await readStatus<T>(statusSocketIn(directory, io.uid), path);
    } catch (thrown) {
      failures.push(requireFailure(thrown));
    }
  }
  const message = ['no portreeve daemon answers:', ...failures.map((failure) => failure.message)].join(
    '\n  ',
  );
  const present = failures.find(({ code }) => !ABSENT.has(code));
  if (present) throw new PortreeveError(present.code, message, present.hint);
  throw new PortreeveError('DAEMON_ABSENT', message, 'To start it: portreeve serve');
}

/**
 * A user's directory may be in /tmp, where another user can create it first. Throws PortreeveError `RUNTIME_DIRECTORY`
 * (environment) for one that belongs to neither the user nor root, and for one that others can write to.
 */
export function requireTrusted(directory: string, uid: number): void {
  const why = whyUntrusted(directory, [uid, 0]);
  if (why !== undefined) throw new PortreeveError('RUNTIME_DIRECTORY', `${directory} ${why}`);
}
