// How long a tick of the kernel is: its timers count in ticks, and times that it is given are rounded up to them.
import { AF_UNIX, SO_RCVTIMEO, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <bits/types/struct_timeval.h>: struct timeval, and where its microseconds are. */
const TIMEVAL_BYTES = 16;
const MICROSECONDS_AT = 8;
/** No kernel has fewer ticks in a second (HZ_24 of arch/mips/Kconfig). */
const TICKS_MIN = 24;

/**
 * The length of a tick in microseconds; undefined where the kernel tells none that can be. It needs no privilege: the
 * shortest time that a socket waits is a tick, and it is told as what it has become (net/core/sock.c:
 * sock_set_timeout() and sock_get_timeout()).
 */
export function tickUs(): number | undefined {
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const time = new NativeBuffer(TIMEVAL_BYTES);
  const length = new NativeBuffer(4);
  time.view.setUint32(MICROSECONDS_AT, 1, true);
  length.view.setUint32(0, TIMEVAL_BYTES, true);
  const isReported =
    sys.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time.address, TIMEVAL_BYTES) === 0 &&
    sys.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, time.address, length.address) === 0;
  sys.close(fd);
  const reported = time.view.getUint32(MICROSECONDS_AT, true);
  // Where nothing is rounded it is what was asked for, and says nothing of ticks.
  return isReported && reported > 1 && reported <= 1_000_000 / TICKS_MIN ? reported : undefined;
}
