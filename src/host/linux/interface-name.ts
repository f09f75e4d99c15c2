// Looks up the name of a network interface (netdevice(7)).
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <linux/sockios.h>, <linux/if.h>: struct ifreq is a name of 16 bytes, followed by the index. */
const SIOCGIFNAME = 0x8910;
const IFREQ_BYTES = 40;
const INDEX_AT = 16;

/** Undefined if the interface no longer exists. */
export function interfaceName(index: number): string | undefined {
  const fd = sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const request = new NativeBuffer(IFREQ_BYTES);
  request.view.setInt32(INDEX_AT, index, true);
  const result = sys.ioctl(fd, SIOCGIFNAME, request.address);
  sys.close(fd);
  if (result < 0) return undefined;
  return new TextDecoder().decode(request.u8.subarray(0, request.u8.indexOf(0)));
}
