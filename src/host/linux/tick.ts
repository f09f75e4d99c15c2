// Determines the tick length of the kernel. Timers count in ticks, and timeouts are rounded up to ticks.
import { AF_UNIX, SO_RCVTIMEO, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <bits/types/struct_timeval.h>: struct timeval, and the offset of its microseconds. */
const TIMEVAL_BYTES = 16;
const MICROSECONDS_AT = 8;
/** The smallest tick frequency of any kernel (HZ_24 in arch/mips/Kconfig). */
const TICKS_MIN = 24;

/**
 * The tick length in microseconds. Undefined if the reported value is implausible. It needs no privilege: the kernel
 * rounds the receive timeout of a socket up to a tick, and reports the result (net/core/sock.c: sock_set_timeout() and
 * sock_get_timeout()).
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
  // A value that was not rounded does not reveal the tick length.
  return isReported && reported > 1 && reported <= 1_000_000 / TICKS_MIN ? reported : undefined;
}
