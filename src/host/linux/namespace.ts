// The cookie of our network namespace, and the boot clock, as BPF programs see them.
import { PortreeveError } from '../../base/errors.ts';
import { GUARD_LINUX_HINT } from '../../base/kernel-version.ts';
import { exactNumber } from '../../base/numbers.ts';
import { openDiagSocket } from './socket-table.ts';
import { networkNamespace, StreamMemory } from './streams.ts';
import { must } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <linux/time.h>: includes time in suspend. */
const CLOCK_BOOTTIME = 7;

/** The cookie of our network namespace. Throws PortreeveError `NAMESPACE_UNKNOWN` (environment) before Linux 5.14. */
export function namespaceCookie(): bigint {
  const fd = openDiagSocket();
  try {
    const cookie = networkNamespace(fd, new StreamMemory());
    if (cookie !== undefined) return cookie;
    const message = 'the kernel does not report the current network namespace';
    throw new PortreeveError('NAMESPACE_UNKNOWN', message, `${GUARD_LINUX_HINT}.`);
  } finally {
    sys.close(fd);
  }
}

/** Nanoseconds since boot (clock_gettime(2): CLOCK_BOOTTIME). */
export function bootNow(): bigint {
  const time = new NativeBuffer(16);
  must(sys.clockGettime(CLOCK_BOOTTIME, time.address), 'clock_gettime');
  const seconds = exactNumber(time.view.getBigInt64(0, true));
  return BigInt(seconds) * 1_000_000_000n + time.view.getBigInt64(8, true);
}
