// What the kernel hands to our programs in r1 (<linux/bpf.h>): which field is where, with the header's names.
import { byteArray, Layout } from '../base/layout.ts';

/** An IPv6 address as four numbers of 32 bits in network order: a program reads and writes them one by one. */
const ADDRESS6 = byteArray(16, 4);

/**
 * struct bpf_sock_addr: the hooks bind4, bind6, connect4 and connect6. Addresses and ports are in network order,
 * the port in the low two bytes. A program may write user_ip4 and user_ip6 (4 bytes at a time) and user_port;
 * user_family is what the caller gave, which may be AF_UNSPEC on an IPv4 socket; `family` is the socket's.
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
 * What a program of bind4 or bind6 answers. Refused is EPERM unless bpf_set_retval() chose another errno; `privileged`
 * allows a port below 1024 to a process that has not CAP_NET_BIND_SERVICE.
 */
export const BIND_ANSWER = { refuse: 0, allow: 1, privileged: 3 } as const;
