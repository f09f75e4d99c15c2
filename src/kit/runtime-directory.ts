// Creates the runtime directory, and refuses one that another user can write to.
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { messageOf, PortreeveError } from '../base/errors.ts';
import { whyUntrusted } from '../host/linux/trusted-directory.ts';

/** Every user may reach root's sockets; a user's own directory is private. */
const modeFor = (uid: number): number => (uid === 0 ? 0o755 : 0o700);

/** Creates the directory, or checks that an existing one belongs to `uid` and no other user can write to it. */
export function requireRuntimeDirectory(path: string, uid: number): void {
  const hint = 'Choose another with --runtime DIR.';
  const refuse = (why: string) => new PortreeveError('RUNTIME_DIRECTORY', `${path}: ${why}`, hint, { path });
  try {
    if (mkdirSync(path, { recursive: true, mode: modeFor(uid) }) !== undefined) chmodSync(path, modeFor(uid));
  } catch (thrown) {
    throw refuse(messageOf(thrown));
  }
  const why = whyUntrusted(path, [uid]);
  if (why !== undefined) throw refuse(why);
}

/** Removes the socket of a killed daemon. The caller holds the lock, so no other daemon is running. */
export function removeLeftover(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (stat.isSocket()) {
    unlinkSync(path);
    return;
  }
  const hint = 'Remove it, or choose another directory with --runtime DIR.';
  throw new PortreeveError('RUNTIME_DIRECTORY', `${path} exists and is not a socket`, hint, { path });
}
