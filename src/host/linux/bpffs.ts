// Mounts the BPF file system and creates directories in it. Objects pinned there outlive the process that created them.
import { lstatSync, mkdirSync, statfsSync } from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { errno, errnoName, sys } from './sys/libc.ts';
import { cText } from './sys/memory.ts';
import { ownObstacle } from './sys/privilege.ts';
import { WRITE_BY_OTHERS } from './trusted-directory.ts';

/** The usual mount point. The kernel provides the directory. */
export const BPFFS = '/sys/fs/bpf';

/** <linux/magic.h> */
const BPF_FS_MAGIC = 0xcafe4a11;
/** <sys/mount.h>: MS_NOSUID, MS_NODEV, MS_NOEXEC. */
const MOUNT_FLAGS = 2 | 4 | 8;

/** Users with write permission can only change their own files (inode(7)). */
const STICKY = 0o1000;

/** Whether the BPF file system is mounted at a directory. */
export function isBpffs(directory = BPFFS): boolean {
  try {
    return statfsSync(directory).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/** Why mount(2) fails. */
const WHY: Readonly<Record<string, string>> = {
  ENODEV: 'this kernel is built without BPF (CONFIG_BPF_SYSCALL)',
  ENOENT: 'there is no such directory: this kernel is built without BPF, or /sys is not mounted',
};

/**
 * Mounts the BPF file system with mode 700, unless it is mounted. The mount must be visible to the host's init process:
 * pins in a private mount disappear with it. Returns whether it was mounted. Throws PortreeveError `BPFFS_NOT_MOUNTED`
 * (environment).
 */
export function mountBpffs(directory = BPFFS): boolean {
  if (isBpffs(directory)) return false;
  const [source, target, data] = [cText('bpf'), cText(directory), cText('mode=700')];
  if (sys.mount(source.address, target.address, source.address, MOUNT_FLAGS, data.address) === 0) return true;
  const name = errnoName(errno());
  const { why } = name === 'EPERM' ? ownObstacle() : { why: WHY[name] ?? '' };
  const message = `cannot mount the BPF file system at ${directory}: ${name}${why && `: ${why}`}`;
  const hint = `Mount it first, in a mount namespace that all processes see: mount -t bpf -o mode=700 bpf ${directory}`;
  throw new PortreeveError('BPFFS_NOT_MOUNTED', message, hint, { directory, errno: name });
}

/**
 * Creates a directory with mode 700 in it, unless it exists. Throws PortreeveError (environment) `BPFFS_NOT_WRITABLE`,
 * and `BPFFS_UNTRUSTED` if another user created it or can rename its contents.
 */
export function createInBpffs(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700, recursive: true });
  } catch (thrown) {
    const message = `cannot create ${path} in the BPF file system: ${messageOf(thrown)}`;
    const hint = "It must be mounted writable, as the host's is.";
    throw new PortreeveError('BPFFS_NOT_WRITABLE', message, hint, { path });
  }
  const { uid, mode } = lstatSync(path);
  const isOpen = (mode & WRITE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
  if (uid === process.geteuid?.() && !isOpen) return;
  const message = `another user can remove the contents of ${path}, and thereby the guard`;
  const hint = `Remove the directory, and restrict write access to root: mount -o remount,mode=700 ${BPFFS}`;
  throw new PortreeveError('BPFFS_UNTRUSTED', message, hint, { path, uid });
}

/** Unmounts the file system again. Throws PortreeveError `BPFFS_NOT_MOUNTED` (environment). */
export function unmountBpffs(directory = BPFFS): void {
  const target = cText(directory);
  if (sys.umount2(target.address, 0) === 0) return;
  const name = errnoName(errno());
  const message = `cannot unmount the BPF file system at ${directory}: ${name}`;
  throw new PortreeveError('BPFFS_NOT_MOUNTED', message, '', { directory, errno: name });
}
