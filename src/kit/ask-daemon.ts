// Finds the running daemon and asks it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError, requireFailure } from '../base/errors.ts';
import { whyUntrusted } from '../host/linux/trusted-directory.ts';
import { readStatus } from './daemon-client.ts';
import { type DaemonHead, ROOT_STATUS_SOCKET, STATUS_SOCKET } from './daemon-names.ts';
import { usualDirectories } from './directories.ts';
import type { Io } from './io.ts';

/** The codes that mean that no daemon is there: any other is of one that is, beside which no second one belongs. */
const ABSENT: ReadonlySet<string> = new Set(['DAEMON_ABSENT', 'RUNTIME_DIRECTORY']);

/** The socket on which a user asks the daemon of a runtime directory. */
export function statusSocketIn(directory: string, uid: number): string {
  const ofRoot = join(directory, ROOT_STATUS_SOCKET);
  return uid === 0 && existsSync(ofRoot) ? ofRoot : join(directory, STATUS_SOCKET);
}

/** The status of the daemon, with the parts of its services that the caller reads; see askStatus(). */
export function askDaemon<Parts extends object>(
  io: Io,
  runtime: string | undefined,
): Promise<DaemonHead & Parts> {
  return askStatus(io, runtime, '/v1/status');
}

/**
 * What GET `path` gives of the daemon in that runtime directory or else in the user's own, then the system's.
 * Throws PortreeveError (environment) with what was tried: `DAEMON_ABSENT`, or the code of a daemon that is there.
 */
export async function askStatus<T>(io: Io, runtime: string | undefined, path: string): Promise<T> {
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
  throw new PortreeveError('DAEMON_ABSENT', message, 'Start it with: portreeve serve');
}

/**
 * A user's directory may lie in /tmp, where another user can make it first. Throws PortreeveError `RUNTIME_DIRECTORY`
 * (environment) for one that is neither the user's own nor root's, and for one that others can write to.
 */
export function requireTrusted(directory: string, uid: number): void {
  const why = whyUntrusted(directory, [uid, 0]);
  if (why !== undefined) throw new PortreeveError('RUNTIME_DIRECTORY', `${directory} ${why}`);
}
