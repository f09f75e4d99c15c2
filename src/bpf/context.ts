// The context that the kernel passes to our programs in r1 (<linux/bpf.h>), under the field names of the header.
import { byteArray, Layout } from '../base/layout.ts';

/** An IPv6 address: four 32-bit words in network order, which a program reads and writes separately. */
const ADDRESS6 = byteArray(16, 4);

/**
 * struct bpf_sock_addr: the hooks bind4, bind6, connect4 and connect6. Addresses and ports are in network order,
 * the port in the low two bytes. A program may write user_ip4, user_ip6 (4 bytes at a time) and user_port.
 * user_family comes from the caller and may be AF_UNSPEC on an IPv4 socket. `family` is that of the socket.
 */
export const SOCK_ADDR = new Layout({
  user_family: 'u32',
  user_ip4: 'u32',
  user_ip6: ADDRESS6,
  user_port: 'u32',
  family: 'u32',
  type: 'u32',
  protocol: 'u32',
  msg_src_ip4: 'u32',
  msg_src_ip6: ADDRESS6,
  sk: 'u64',
});

/**
 * The return values of a bind4 or bind6 program. `refuse` means EPERM unless bpf_set_retval() set another errno.
 * `privileged` allows a port below 1024 to a process without CAP_NET_BIND_SERVICE.
 */
export const BIND_ANSWER = { refuse: 0, allow: 1, privileged: 3 } as const;
