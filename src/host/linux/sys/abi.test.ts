// Compares the constants and layouts of the Linux ABI in our sources with the headers of the C compiler.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valuesInC } from '../../../../test/support/c-values.ts';
import { needs, probe } from '../../../../test/support/probe.ts';
import * as constants from './constants.ts';

const HEADERS = [
  'stddef.h',
  'sys/socket.h',
  'sys/un.h',
  'netinet/in.h',
  'netinet/tcp.h',
  'sys/epoll.h',
  'sys/timerfd.h',
  'sys/file.h',
  'sched.h',
  'sys/prctl.h',
  'sys/time.h',
  'linux/net_tstamp.h',
  'linux/errqueue.h',
  'linux/netlink.h',
  'linux/rtnetlink.h',
  'linux/inet_diag.h',
  'linux/seccomp.h',
  'linux/filter.h',
];

/** Layouts: a C expression, and its value in our sources. */
const LAYOUTS: readonly (readonly [expression: string, value: number])[] = [
  ['sizeof(struct mmsghdr)', 64],
  ['offsetof(struct mmsghdr, msg_len)', 56],
  ['offsetof(struct msghdr, msg_namelen)', 8],
  ['offsetof(struct msghdr, msg_iov)', 16],
  ['offsetof(struct msghdr, msg_iovlen)', 24],
  ['offsetof(struct msghdr, msg_control)', 32],
  ['offsetof(struct msghdr, msg_controllen)', 40],
  ['offsetof(struct msghdr, msg_flags)', 48],
  ['sizeof(struct iovec)', 16],
  ['sizeof(struct cmsghdr)', 16],
  ['offsetof(struct cmsghdr, cmsg_level)', 8],
  ['offsetof(struct cmsghdr, cmsg_type)', 12],
  ['CMSG_SPACE(sizeof(struct scm_timestamping))', 64],
  ['CMSG_SPACE(sizeof(struct in6_pktinfo))', 40],
  ['sizeof(struct epoll_event)', process.arch === 'x64' ? 12 : 16],
  ['offsetof(struct epoll_event, data)', process.arch === 'x64' ? 4 : 8],
  ['sizeof(struct itimerspec)', 32],
  ['offsetof(struct itimerspec, it_value)', 16],
  ['sizeof(struct sockaddr_in)', 16],
  ['offsetof(struct sockaddr_in, sin_addr)', 4],
  ['sizeof(struct sockaddr_in6)', 28],
  ['offsetof(struct sockaddr_in6, sin6_addr)', 8],
  ['offsetof(struct sockaddr_in6, sin6_scope_id)', 24],
  ['sizeof(((struct sockaddr_un *)0)->sun_path)', 108],
  ['sizeof(struct sockaddr_nl)', 12],
  ['offsetof(struct in_pktinfo, ipi_spec_dst)', 4],
  ['offsetof(struct in6_pktinfo, ipi6_ifindex)', 16],
  ['sizeof(struct ucred)', 12],
  ['offsetof(struct ucred, uid)', 4],
  ['sizeof(struct nlmsghdr)', 16],
  ['sizeof(struct ifinfomsg)', 16],
  ['sizeof(struct ifaddrmsg)', 8],
  ['sizeof(struct inet_diag_req_v2)', 56],
  ['offsetof(struct inet_diag_req_v2, id)', 8],
  ['sizeof(struct inet_diag_req)', 60],
  ['offsetof(struct inet_diag_req, id)', 4],
  ['offsetof(struct inet_diag_req, idiag_states)', 52],
  ['TCPDIAG_GETSOCK', 18],
  ['sizeof(struct inet_diag_msg)', 72],
  ['offsetof(struct inet_diag_msg, id)', 4],
  ['offsetof(struct inet_diag_msg, idiag_uid)', 64],
  ['offsetof(struct inet_diag_msg, idiag_inode)', 68],
  ['offsetof(struct inet_diag_sockid, idiag_dst)', 20],
  ['offsetof(struct inet_diag_sockid, idiag_cookie)', 40],
  ['INET_DIAG_SKV6ONLY', 11],
  ['sizeof(struct timeval)', 16],
  ['offsetof(struct timeval, tv_usec)', 8],
  ['sizeof(struct sock_filter)', 8],
  ['sizeof(struct sock_fprog)', 16],
  ['offsetof(struct sock_fprog, filter)', 8],
];

/** Enumerators are not macros: only undefined upper-case names are skipped. */
const isMacro = (expression: string): boolean =>
  /^(TFD|SO|IP|IPV6|TCP|EPOLL|PR|SECCOMP)_\w+$/.test(expression);

test('the sizes and offsets of structures match', (t) => {
  if (!needs(t, probe.cc())) return;
  const actual = valuesInC(
    HEADERS,
    LAYOUTS.map(([expression]) => expression),
  );
  for (const [i, [expression, value]] of LAYOUTS.entries()) assert.equal(actual[i], value, expression);
});

test('the values of constants match', (t) => {
  if (!needs(t, probe.cc())) return;
  const names = Object.keys(constants);
  const actual = valuesInC(HEADERS, names, isMacro);
  const known = names.flatMap((name, i) => (actual[i] === undefined ? [] : [[name, actual[i]] as const]));
  // A name that this C library does not have yet is skipped. Most are present.
  assert.ok(known.length > names.length - 6, `only ${known.length} of ${names.length}`);
  assert.deepEqual(
    known,
    known.map(([name]) => [name, Object.entries(constants).find(([constant]) => constant === name)?.[1]]),
  );
});
