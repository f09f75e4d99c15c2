// Determines whether our capabilities apply to our network namespace, which depends on its owner.
import { closeSync, openSync } from 'node:fs';
import { ERRNO, errno, sys } from './sys/libc.ts';

const OWN_NAMESPACE = '/proc/self/ns/net';
/** <linux/nsfs.h>: returns a descriptor of the user namespace that owns a namespace. */
const NS_GET_USERNS = 0xb701;

/**
 * Whether capabilities of this process apply to its network namespace: if that belongs to our user namespace or a
 * descendant (user_namespaces(7)). For every other owner, ioctl(2) fails with EPERM (ioctl_nsfs(2)).
 */
export function ownsNetwork(): boolean {
  const fd = openSync(OWN_NAMESPACE, 'r');
  try {
    const owner = sys.ioctl(fd, NS_GET_USERNS, 0);
    // Kernels before 4.9 do not report it.
    if (owner < 0) return errno() !== ERRNO['EPERM'];
    sys.close(owner);
    return true;
  } finally {
    closeSync(fd);
  }
}
