# Passes sockets between two users by SCM_RIGHTS: "socket-givers.py OWNER TAKER PORT". The owner passes an unbound
# socket, which the taker binds; then the owner binds another socket and passes it. Prints the results of both.

import array
import errno
import os
import socket
import sys

OWNER, TAKER, PORT = (int(word) for word in sys.argv[1:4])


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def give(channel, one):
    channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno()]))])


def take(channel):
    _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(4))
    return socket.socket(fileno=array.array("i", ancillary[0][2][:4])[0])


def bind(one):
    try:
        one.bind(("127.0.0.1", PORT))
        return "ok"
    except OSError as problem:
        return errno.errorcode[problem.errno]


taker_end, owner_end = socket.socketpair()
if os.fork() == 0:
    become(OWNER)
    give(owner_end, socket.socket())
    owner_end.recv(1)
    bound = socket.socket()
    result = bind(bound)
    give(owner_end, bound)
    owner_end.sendall(result.encode())
    os._exit(0)
owner_end.close()
become(TAKER)
unbound = take(taker_end)
first = bind(unbound)
unbound.close()
taker_end.sendall(b"x")
passed = take(taker_end)
print(first, taker_end.recv(100).decode(), passed.getsockname()[1])
