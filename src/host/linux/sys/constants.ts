// Constants of the Linux ABI for system calls, with their headers. They are the same on x86_64 and arm64.

export { AF_INET, AF_INET6, AF_UNIX } from '../../../wire/sockaddr.ts';

/** <bits/socket.h> */
export const AF_NETLINK = 16;

/** <bits/socket_type.h> */
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** <bits/socket.h>: flags of send, recv and recvmmsg. */
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_TRUNC = 0x20;

/** <asm-generic/socket.h> */
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_RCVBUF = 8;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_RCVBUFFORCE = 33;
export const SO_TIMESTAMPING = 37;
export const SO_NETNS_COOKIE = 71;

/** <linux/in.h>, <linux/in6.h>, <linux/tcp.h> */
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const IP_PKTINFO = 8;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const TCP_NODELAY = 1;
export const TCP_DEFER_ACCEPT = 9;

/** <sys/epoll.h> */
export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;

/** <linux/net_tstamp.h>: the receive time of a datagram, by CLOCK_REALTIME. */
export const SOF_TIMESTAMPING_RX_SOFTWARE = 1 << 3;
export const SOF_TIMESTAMPING_SOFTWARE = 1 << 4;

/** <sys/timerfd.h>, <bits/time.h> */
export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const TFD_NONBLOCK = 0o4000;
export const TFD_CLOEXEC = 0o2000000;

/** <sys/file.h> */
export const LOCK_EX = 2;
export const LOCK_NB = 4;

/** <fcntl.h>, <linux/fs.h>: the current directory, and a flag of renameat2(2). */
export const AT_FDCWD = -100;
export const RENAME_EXCHANGE = 1 << 1;

/** <linux/netlink.h>, <linux/rtnetlink.h>: protocols, and multicast groups for links and addresses. */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const RTMGRP_LINK = 0x1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV6_IFADDR = 0x100;

/** <linux/sched.h> */
export const CLONE_NEWNET = 0x4000_0000;

/** <linux/prctl.h>, <linux/seccomp.h> */
export const PR_SET_NO_NEW_PRIVS = 38;
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
