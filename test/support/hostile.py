# Tries to bind a port in each of the given ways, "hostile.py PORT WAY...", and prints a line for each: the way, and the
# port that it bound or the name of the errno. Where the kernel assigns the port, the range of the socket is PORT alone;
# with PORT 0 it is not restricted.

import ctypes
import errno
import os
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
# <linux/in.h>, <linux/tcp.h>, <sched.h>
IP_FREEBIND = 15
IP_TRANSPARENT = 19
IP_BIND_ADDRESS_NO_PORT = 24
IP_LOCAL_PORT_RANGE = 51
IPPROTO_MPTCP = 262
TCP_FASTOPEN = 23
MSG_FASTOPEN = 0x20000000
CLONE_NEWUSER = 0x10000000
ANY, LOOPBACK, ELSEWHERE = "0.0.0.0", "127.0.0.1", "203.0.113.9"
DISCARD = 9
INET, INET6 = socket.AF_INET, socket.AF_INET6
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


class Socket(socket.socket):
    """A socket that can keep its server alive."""


def call_bind(one, family, port, claimed):
    """bind(2) to all addresses, with a family in the address that is not the socket's."""
    size = 16 if family == INET else 28
    address = (struct.pack("=H", claimed) + struct.pack("!H", port)).ljust(size, b"\0")
    if LIBC.bind(one.fileno(), address, size) != 0:
        raise OSError(ctypes.get_errno(), "bind")
    return one


def bound(port, address=ANY, kind=STREAM, protocol=0, options=()):
    one = Socket(INET6 if ":" in address else INET, kind, protocol)
    for level, name in options:
        one.setsockopt(level, name, 1)
    one.bind((address, port))
    return one


def server():
    """A server to connect to."""
    one = Socket()
    one.bind((LOOPBACK, 0))
    one.listen()
    return one


# Ways that name the port.


def plain(port):
    return bound(port)


def plain_udp(port):
    return bound(port, kind=DGRAM)


def plain6(port):
    return bound(port, "::")


def plain_udp6(port):
    return bound(port, "::", DGRAM)


def unspecified(port):
    """inet_bind() takes AF_UNSPEC for AF_INET where the address is INADDR_ANY."""
    return call_bind(Socket(), INET, port, socket.AF_UNSPEC)


def unspecified_udp(port):
    return call_bind(Socket(type=DGRAM), INET, port, socket.AF_UNSPEC)


def reuse_address(port):
    return bound(port, LOOPBACK, options=[(socket.SOL_SOCKET, socket.SO_REUSEADDR)])


def reuse_port(port):
    return bound(port, LOOPBACK, options=[(socket.SOL_SOCKET, socket.SO_REUSEPORT)])


def reuse_both_udp(port):
    both = [(socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.SOL_SOCKET, socket.SO_REUSEPORT)]
    return bound(port, LOOPBACK, DGRAM, options=both)


def mapped(port):
    return bound(port, "::ffff:127.0.0.1")


def mapped_any(port):
    return bound(port, "::ffff:0.0.0.0")


def mapped_udp(port):
    return bound(port, "::ffff:127.0.0.1", DGRAM)


def free_bind(port):
    return bound(port, ELSEWHERE, options=[(socket.IPPROTO_IP, IP_FREEBIND)])


def free_bind_udp(port):
    return bound(port, ELSEWHERE, DGRAM, options=[(socket.IPPROTO_IP, IP_FREEBIND)])


def mptcp(port):
    return bound(port, protocol=IPPROTO_MPTCP)


def mptcp6(port):
    return bound(port, "::", protocol=IPPROTO_MPTCP)


def fast_open_server(port):
    one = Socket()
    one.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
    one.bind((LOOPBACK, port))
    one.listen()
    return one


def rebound(port):
    """Connected from an assigned port, and disconnected by AF_UNSPEC: then it can be bound."""
    one, one.server = Socket(), server()
    one.connect(one.server.getsockname())
    LIBC.connect(one.fileno(), bytes(16), 16)
    one.bind((LOOPBACK, port))
    return one


def rebound_udp(port):
    one = Socket(type=DGRAM)
    one.connect((LOOPBACK, DISCARD))
    LIBC.connect(one.fileno(), bytes(16), 16)
    one.bind((LOOPBACK, port))
    return one


def duplicated(port):
    """By a duplicate descriptor of the socket."""
    one = Socket()
    one.other = socket.socket(fileno=os.dup(one.fileno()))
    one.other.bind((ANY, port))
    return one


def user_namespace(port):
    """As root of a new user namespace, with every capability there."""
    uid = os.getuid()
    if LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with open("/proc/self/uid_map", "w") as uids:
        uids.write(f"0 {uid} 1")
    os.setresuid(0, 0, 0)
    return bound(port)


# Ways in which the kernel assigns the port.


def narrowed(port, kind=STREAM, family=INET, protocol=0):
    one = Socket(family, kind, protocol)
    if port != 0:
        one.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=I", port << 16 | port))
    return one


def assigned(port):
    one = narrowed(port)
    one.bind((ANY, 0))
    return one


def assigned6(port):
    one = narrowed(port, family=INET6)
    one.bind(("::", 0))
    return one


def assigned_udp(port):
    one = narrowed(port, DGRAM)
    one.bind((ANY, 0))
    return one


def assigned_mptcp(port):
    one = narrowed(port, protocol=IPPROTO_MPTCP)
    one.bind((ANY, 0))
    return one


def assigned_unspecified(port):
    return call_bind(narrowed(port), INET, 0, socket.AF_UNSPEC)


def assigned_reuse(port):
    one = narrowed(port)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        one.setsockopt(socket.SOL_SOCKET, option, 1)
    one.bind((LOOPBACK, 0))
    return one


def listen(port):
    one = narrowed(port)
    one.listen()
    return one


def listen6(port):
    one = narrowed(port, family=INET6)
    one.listen()
    return one


def connect(port):
    one, one.server = narrowed(port), server()
    one.connect(one.server.getsockname())
    return one


def connect_late(port):
    """bind(2) sets the address, and connect(2) assigns the port."""
    one, one.server = narrowed(port), server()
    one.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    one.bind((LOOPBACK, 0))
    one.connect(one.server.getsockname())
    return one


def fast_open(port):
    one, one.server = narrowed(port), server()
    one.sendto(b"x", MSG_FASTOPEN, one.server.getsockname())
    return one


def connect_udp(port):
    one = narrowed(port, DGRAM)
    one.connect((LOOPBACK, DISCARD))
    return one


def send_udp(port):
    one = narrowed(port, DGRAM)
    one.sendto(b"", (LOOPBACK, DISCARD))
    return one


def many(port):
    """Without a range of the socket: a listener on every free port, and the one that has the wanted port."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as setting:
        low, high = (int(word) for word in setting.read().split())
    kept = []
    for _ in range(low, high + 1):
        one = Socket()
        try:
            one.listen()
        except OSError:
            break
        kept.append(one)
    return next((one for one in kept if one.getsockname()[1] == port), None)


def transparent(port):
    """With the address of another host."""
    return bound(port, ELSEWHERE, options=[(socket.IPPROTO_IP, IP_TRANSPARENT)])


def result_of(way, port):
    try:
        got = globals()[way](port)
        return got.getsockname()[1] if got else "none"
    except OSError as problem:
        return errno.errorcode[problem.errno]


for name in sys.argv[2:]:
    # A process for each: closing frees the port, and no way affects the next.
    child = os.fork()
    if child == 0:
        print(name, result_of(name, int(sys.argv[1])), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
