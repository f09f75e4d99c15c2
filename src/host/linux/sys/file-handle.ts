// Opens a cgroup by its ID (open_by_handle_at(2)), which serves as a file handle in the cgroup file system.
import { closeSync, constants, openSync } from 'node:fs';
import koffi from 'koffi';
import { NativeBuffer } from './memory.ts';

const libc = koffi.load(null);
const openByHandleAt = libc.func('int open_by_handle_at(int mount, uintptr_t handle, int flags)');

/** struct file_handle: the length, the type, and the handle. */
const HEAD_BYTES = 8;
const ID_BYTES = 8;
/** <linux/exportfs.h>: FILEID_KERNFS, the ID of a kernfs file (Linux 5.5). */
const FILEID_KERNFS = 0xfe;
/** <bits/fcntl-linux.h> */
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/**
 * Opens the directory of a cgroup in the hierarchy mounted at `root` with O_PATH. Undefined if there is none, or
 * without CAP_DAC_READ_SEARCH.
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
