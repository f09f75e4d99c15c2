// A cgroup by its number (open_by_handle_at(2)): the kernel's file system of cgroups takes it for a handle.
import { closeSync, constants, openSync } from 'node:fs';
import koffi from 'koffi';
import { NativeBuffer } from './memory.ts';

const libc = koffi.load(null);
const openByHandleAt = libc.func('int open_by_handle_at(int mount, uintptr_t handle, int flags)');

/** struct file_handle: how many bytes the handle has, of which type it is, and the handle. */
const HEAD_BYTES = 8;
const ID_BYTES = 8;
/** <linux/exportfs.h>: FILEID_KERNFS, the number of a file of kernfs (Linux 5.5). */
const FILEID_KERNFS = 0xfe;
/** <bits/fcntl-linux.h> */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/**
 * Opens the directory of the cgroup with a number, in the hierarchy that is mounted at `root`, as a place only
 * (O_PATH). Undefined where there is none, and where we may not: it takes CAP_DAC_READ_SEARCH.
 */
export function openByCgroupId(root: string, id: bigint): number | undefined {
  const handle = new NativeBuffer(HEAD_BYTES + ID_BYTES);
  handle.view.setUint32(0, ID_BYTES, true);
  handle.view.setInt32(4, FILEID_KERNFS, true);
  handle.view.setBigUint64(HEAD_BYTES, id, true);
  const mount = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const fd: number = openByHandleAt(mount, handle.address, O_PATH | O_CLOEXEC);
    return fd < 0 ? undefined : fd;
  } finally {
    closeSync(mount);
  }
}
