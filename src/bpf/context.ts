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

/** struct bpf_sock: the hooks sock_create, sock_release, post_bind4 and post_bind6. src_port is in the host's order. */
export const SOCK = new Layout({
  bound_dev_if: 'u32',
  family: 'u32',
  type: 'u32',
  protocol: 'u32',
  mark: 'u32',
  priority: 'u32',
  src_ip4: 'u32',
  src_ip6: ADDRESS6,
  src_port: 'u32',
  dst_port: 'u16',
  dst_ip4: 'u32',
  dst_ip6: ADDRESS6,
  state: 'u32',
});

/** struct bpf_sock_ops, its beginning: the hook sockops. local_port is in the host's order, remote_port is not. */
export const SOCK_OPS = new Layout({
  op: 'u32',
  args: byteArray(16, 4),
  family: 'u32',
  remote_ip4: 'u32',
  local_ip4: 'u32',
  remote_ip6: ADDRESS6,
  local_ip6: ADDRESS6,
  remote_port: 'u32',
  local_port: 'u32',
});

/** <linux/bpf.h>: what `op` says in the hook sockops, those that are of use for a port: BPF_SOCK_OPS_… */
export const SOCK_OP = {
  TCP_CONNECT_CB: 3,
  ACTIVE_ESTABLISHED_CB: 4,
  PASSIVE_ESTABLISHED_CB: 5,
  TCP_LISTEN_CB: 11,
} as const;

/**
 * What a program of bind4 or bind6 answers. Refused is EPERM unless bpf_set_retval() chose another errno; `privileged`
 * allows a port below 1024 to a process that has not CAP_NET_BIND_SERVICE.
 */
export const BIND_ANSWER = { refuse: 0, allow: 1, privileged: 3 } as const;
