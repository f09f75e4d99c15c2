// Whose our network namespace is: what a capability is good for in it depends on that.
import { closeSync, openSync } from 'node:fs';
import { ERRNO, errno, sys } from './sys/libc.ts';

const OWN_NAMESPACE = '/proc/self/ns/net';
/** <linux/nsfs.h>: a descriptor of the user namespace that owns a namespace. */
const NS_GET_USERNS = 0xb701;

/**
 * Whether capabilities of this process count in its network namespace: they do where that belongs to our user namespace
 * or to one below it (user_namespaces(7)). ioctl(2) denies every other owner (ioctl_nsfs(2)).
 */
export function ownsNetwork(): boolean {
  const fd = openSync(OWN_NAMESPACE, 'r');
  try {
    const owner = sys.ioctl(fd, NS_GET_USERNS, 0);
    // Kernels before 4.9 do not tell.
    if (owner < 0) return errno() !== ERRNO['EPERM'];
    sys.close(owner);
    return true;
  } finally {
    closeSync(fd);
  }
}
