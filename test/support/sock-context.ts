/** Contexts that the kernel passes in r1 to BPF programs of tests only. */

import { byteArray, Layout } from '../../src/base/layout.ts';

const ADDRESS6 = byteArray(16, 4);

/** struct bpf_sock, for the hooks sock_create, sock_release, post_bind4 and post_bind6. src_port is in host order. */
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
