// The BPF file system, in which programs, maps and links have names and outlive the processes that made them.
import { statfsSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { errno, errnoName, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** Where it is mounted by custom; the kernel makes the directory. */
export const BPFFS = '/sys/fs/bpf';

/** <linux/magic.h> */
const BPF_FS_MAGIC = 0xcafe4a11;
/** <sys/mount.h>: MS_NOSUID, MS_NODEV, MS_NOEXEC. */
const MOUNT_FLAGS = 2 | 4 | 8;

/** Whether the BPF file system is mounted at a directory. */
export function isBpffs(directory = BPFFS): boolean {
  try {
    return statfsSync(directory).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

function cString(text: string): NativeBuffer {
  const bytes = new TextEncoder().encode(text);
  const buffer = new NativeBuffer(bytes.length + 1);
  buffer.u8.set(bytes);
  return buffer;
}

/**
 * Mounts the BPF file system at a directory, only root may enter it, unless it is there. It must be done where the
 * host's first process sees it: what is pinned in a private mount goes with that. Gives whether we mounted it.
 * Throws PortreeveError `BPFFS_NOT_MOUNTED` (world).
 */
export function mountBpffs(directory = BPFFS): boolean {
  if (isBpffs(directory)) return false;
  const [source, target, data] = [cString('bpf'), cString(directory), cString('mode=700')];
  if (sys.mount(source.address, target.address, source.address, MOUNT_FLAGS, data.address) === 0) return true;
  const name = errnoName(errno());
  const message = `cannot mount the BPF file system at ${directory}: ${name}`;
  const hint = `It takes root. Mount it with: mount -t bpf bpf ${directory}`;
  throw new PortreeveError('world', 'BPFFS_NOT_MOUNTED', message, hint, { directory, errno: name });
}

/** Takes the file system away again, for who has mounted it. Throws PortreeveError `BPFFS_NOT_MOUNTED` (world). */
export function unmountBpffs(directory = BPFFS): void {
  const target = cString(directory);
  if (sys.umount2(target.address, 0) === 0) return;
  const name = errnoName(errno());
  const message = `cannot unmount the BPF file system at ${directory}: ${name}`;
  throw new PortreeveError('world', 'BPFFS_NOT_MOUNTED', message, '', { directory, errno: name });
}
