// The runtime directory: made where it is missing, refused where somebody else could put things into it.
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { messageOf, PortreeveError } from '../base/errors.ts';
import { whyUntrusted } from '../host/linux/trusted-directory.ts';

/** Everybody may pass to root's sockets; what a user has is his alone. */
const modeFor = (uid: number): number => (uid === 0 ? 0o755 : 0o700);

/** Makes the directory, or checks that the one that is there is ours and nobody else's to write. */
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

/** Removes what a daemon that was killed left behind; the lock says that none is running. */
export function removeLeftover(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (stat.isSocket()) {
    unlinkSync(path);
    return;
  }
  const hint = 'Remove it, or choose another directory with --runtime DIR.';
  throw new PortreeveError('RUNTIME_DIRECTORY', `${path} is there and is no socket`, hint, { path });
}
