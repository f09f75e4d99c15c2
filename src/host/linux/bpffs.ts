// The BPF file system, in which programs, maps and links have names and outlive the processes that made them.
import { lstatSync, mkdirSync, statfsSync } from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { errno, errnoName, sys } from './sys/libc.ts';
import { cText } from './sys/memory.ts';
import { ownObstacle } from './sys/privilege.ts';

/** Where it is mounted by custom; the kernel makes the directory. */
export const BPFFS = '/sys/fs/bpf';

/** <linux/magic.h> */
const BPF_FS_MAGIC = 0xcafe4a11;
/** <sys/mount.h>: MS_NOSUID, MS_NODEV, MS_NOEXEC. */
const MOUNT_FLAGS = 2 | 4 | 8;

/** Write permission for the group and for others, and what leaves them only what is their own (inode(7)). */
const WRITE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Whether the BPF file system is mounted at a directory. */
export function isBpffs(directory = BPFFS): boolean {
  try {
    return statfsSync(directory).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/** What mount(2) fails with where the kernel has no such file system, or nothing to mount it at. */
const WHY: Readonly<Record<string, string>> = {
  ENODEV: 'this kernel is built without BPF (CONFIG_BPF_SYSCALL)',
  ENOENT: 'there is no such directory: this kernel is built without BPF, or /sys is not mounted',
};

/**
 * Mounts the BPF file system at a directory, only root may enter it, unless it is there. It must be done where the
 * host's first process sees it: what is pinned in a private mount goes with that. Gives whether we mounted it.
 * Throws PortreeveError `BPFFS_NOT_MOUNTED` (environment).
 */
export function mountBpffs(directory = BPFFS): boolean {
  if (isBpffs(directory)) return false;
  const [source, target, data] = [cText('bpf'), cText(directory), cText('mode=700')];
  if (sys.mount(source.address, target.address, source.address, MOUNT_FLAGS, data.address) === 0) return true;
  const name = errnoName(errno());
  const { why } = name === 'EPERM' ? ownObstacle() : { why: WHY[name] ?? '' };
  const message = `cannot mount the BPF file system at ${directory}: ${name}${why && `: ${why}`}`;
  const hint = `Mount it before, where all can see it: mount -t bpf -o mode=700 bpf ${directory}`;
  throw new PortreeveError('BPFFS_NOT_MOUNTED', message, hint, { directory, errno: name });
}

/**
 * Makes a directory in it, unless it is there, that only root may enter. Throws PortreeveError (environment)
 * `BPFFS_NOT_WRITABLE`, and `BPFFS_UNTRUSTED` where another user was first to make it, or can rename what is in it.
 */
export function makeInBpffs(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700, recursive: true });
  } catch (thrown) {
    const message = `cannot make ${path} in the BPF file system: ${messageOf(thrown)}`;
    const hint = 'It must be mounted so that it can be written to, as the one of the host is.';
    throw new PortreeveError('BPFFS_NOT_WRITABLE', message, hint, { path });
  }
  const { uid, mode } = lstatSync(path);
  const isOpen = (mode & WRITE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
  if (uid === process.geteuid?.() && !isOpen) return;
  const message = `another user can take away what is in ${path}, and so the guard out of the kernel`;
  const hint = `Remove it, and let only root write there: mount -o remount,mode=700 ${BPFFS}`;
  throw new PortreeveError('BPFFS_UNTRUSTED', message, hint, { path, uid });
}

/**
 * Takes the file system away again, for who has mounted it. Throws PortreeveError `BPFFS_NOT_MOUNTED` (environment).
 */
export function unmountBpffs(directory = BPFFS): void {
  const target = cText(directory);
  if (sys.umount2(target.address, 0) === 0) return;
  const name = errnoName(errno());
  const message = `cannot unmount the BPF file system at ${directory}: ${name}`;
  throw new PortreeveError('BPFFS_NOT_MOUNTED', message, '', { directory, errno: name });
}
