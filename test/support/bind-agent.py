# Binds sockets on request over a Unix socket, in the cgroup and network of its start: a line of JSON each way.

import collections
import ctypes
import errno
import json
import os
import select
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)

# <linux/in.h>, <asm-generic/socket.h>, <linux/tcp.h>, <linux/capability.h>
PROTOCOLS = {
    "tcp": (socket.SOCK_STREAM, 6),
    "udp": (socket.SOCK_DGRAM, 17),
    "sctp": (socket.SOCK_STREAM, 132),
    "udplite": (socket.SOCK_DGRAM, 136),
    "mptcp": (socket.SOCK_STREAM, 262),
}
OPTIONS = {
    "REUSEADDR": (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "REUSEPORT": (socket.SOL_SOCKET, socket.SO_REUSEPORT),
    "V6ONLY": (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
}
TCP_DELACK_MAX_US = 46
SO_NETNS_COOKIE = 71
CAPABILITY_VERSION_3 = 0x20080522
CAP_NET_BIND_SERVICE = 10

kept = []


def become(uid, groups):
    os.setgroups(groups)
    os.setresgid(uid, uid, 0)
    os.setresuid(uid, uid, 0)


def become_root():
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    os.setgroups([])


def may_bind_low_ports(is_capable):
    """Sets or clears the effective CAP_NET_BIND_SERVICE, for any user; None does not change it."""
    if is_capable is None:
        return
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    LIBC.capget(header, data)
    sets = list(struct.unpack("=6I", data.raw))
    bit = 1 << CAP_NET_BIND_SERVICE
    sets[0] = sets[0] | bit if is_capable else sets[0] & ~bit
    if LIBC.capset(header, struct.pack("=6I", *sets)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def sockaddr(family, address, port, claimed):
    """struct sockaddr_in or sockaddr_in6; its family may differ from the socket's."""
    packed = socket.inet_pton(family, address)
    head = struct.pack("=H", family if claimed is None else claimed) + struct.pack("!H", port)
    return head + packed + bytes(8) if family == socket.AF_INET else head + bytes(4) + packed + bytes(4)


def option(one, level, name):
    try:
        return one.getsockopt(level, name)
    except OSError:
        return None


def bind(task):
    """One bind(2) of a new socket."""
    protocol, is_v4 = task["socket"][:-1], task["socket"].endswith("4")
    family = socket.AF_INET if is_v4 else socket.AF_INET6
    try:
        one = socket.socket(family, *PROTOCOLS[protocol])
    except OSError as problem:
        return {"error": "socket: " + errno.errorcode[problem.errno], "address": "", "port": 0}
    for name in task.get("options", []):
        one.setsockopt(*OPTIONS[name], 1)
    if "moveTo" in task:
        enter(task["moveTo"])
    given = sockaddr(family, task["address"], task["port"], task.get("claimedFamily"))
    error = None if LIBC.bind(one.fileno(), given, len(given)) == 0 else ctypes.get_errno()
    if error is None and task.get("listen"):
        one.listen()
    address, port = one.getsockname()[:2]
    result = {
        "error": None if error is None else errno.errorcode[error],
        "address": address,
        "port": port,
        "reusePort": option(one, socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1,
        "delayedAckUs": option(one, socket.IPPROTO_TCP, TCP_DELACK_MAX_US) if protocol == "tcp" else None,
    }
    if task.get("keep"):
        kept.append(one)
    else:
        one.close()
    return result


def enter(cgroup):
    with open(cgroup + "/cgroup.procs", "w") as procs:
        procs.write("0")


def repeat(binds, stream):
    """Binds until the next line arrives; returns how often each result occurred."""
    counts = collections.Counter()
    while not select.select([stream], [], [], 0)[0]:
        for task in binds:
            result = bind(task)
            counts[result["error"] or result["address"]] += 1
    return counts


def answer(task, stream):
    if "unprivilegedStart" in task:
        # The agent has its own network namespace.
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as setting:
            setting.write(str(task["unprivilegedStart"]))
    if task.get("release"):
        while kept:
            kept.pop().close()
    become(task.get("uid", 0), task.get("groups", []))
    try:
        may_bind_low_ports(task.get("lowPortCapable"))
        if task.get("repeat"):
            return {"counts": repeat(task["binds"], stream)}
        return {"bound": [bind(one) for one in task.get("binds", [])]}
    finally:
        become_root()
        may_bind_low_ports(True)


def main(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    cookie = socket.socket().getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    print("ready", struct.unpack("=Q", cookie)[0], flush=True)
    stream = server.accept()[0]
    lines = stream.makefile("r")
    while line := lines.readline():
        stream.sendall(json.dumps(answer(json.loads(line), stream)).encode() + b"\n")


main(sys.argv[1])
